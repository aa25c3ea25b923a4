//! `finrst latency --in-kernel`: the kernel half gathers, and its maps are read.

use std::{
    fs::File,
    future::pending,
    io::{self, Write as _},
    sync::Arc,
    time::Duration,
};

use anyhow::anyhow;
use tokio::{process::Child, time::MissedTickBehavior};
use tracer_common::{
    event::Kind,
    gather::{life, mode},
};

use self::told::Told;
use super::gathered::{self, Counted};
use crate::{
    app::{command, confined, kernel, output, select, stop::Stop, view},
    cli::{Latency as Asked, Select},
    confine::Needs,
    enrich::clock,
    exit::{Exit, Failure},
    latency::group::By,
    model::{clock::Sample, time::MonoNs},
    probe::{
        session::{Gather, Request, Segments, Session},
        system::SystemFacts,
    },
    render::{Start, latency::pair::Subject},
    tally::Tally,
};

mod told;

/// The records whose hooks gather.
const KINDS: [Kind; 6] = [
    Kind::StateChanged,
    Kind::CloseCalled,
    Kind::RstSent,
    Kind::RstAnswered,
    Kind::RstReceived,
    Kind::Destroyed,
];

/// How long connections of a command that ended may take to be taken down, and how often is looked.
const AFTERMATH: Duration = Duration::from_millis(100);
const LOOK: Duration = Duration::from_millis(5);

/// Gathers in the kernel until there is a reason to end.
///
/// # Errors
///
/// A [`Failure`] of any exit code.
pub(super) fn run(asked: &Asked, by: By, plot: Option<Arc<File>>) -> Result<Exit, Failure> {
    let told = |clock: &Sample| Told::groups(asked, by, plot, clock);
    gather(asked, &asked.select, by, told)
}

/// Gathers of two processes, those of `select`, and holds the second against the first.
///
/// # Errors
///
/// As above.
pub(super) fn compare(
    asked: &Asked,
    select: &Select,
    subjects: [Subject; 2],
) -> Result<Exit, Failure> {
    let told = |clock: &Sample| Told::pair(asked, subjects, clock);
    gather(asked, select, By::Process, told)
}

fn gather(
    asked: &Asked,
    select: &Select,
    by: By,
    told: impl FnOnce(&Sample) -> Told,
) -> Result<Exit, Failure> {
    let facts = kernel::privileges()?;
    let mut filters = select::filters(select, asked.quiet)?;
    if !asked.command.is_empty() {
        // As in a trace: the command will be a child of ours.
        filters.pids.push(std::process::id());
        filters.follow = true;
    }
    let types = kernel::types(asked.kernel.btf.as_deref())?;
    let kinds = KINDS.iter().fold(0, |bits, kind| bits | kind.bit());
    let request = Request {
        // Nothing comes through them.
        buffer_kib: Some(4),
        gather: Gather {
            mode: match by {
                By::Process => mode::BY_PROCESS,
                By::All | By::Peer | By::Cause | By::Function => mode::TOGETHER,
            },
            connections: u32::try_from(asked.stopping.sockets).unwrap_or(u32::MAX),
        },
        ..kernel::request(&asked.kernel, kinds, filters, Segments::default())?
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let stop = Stop::listen()?;
        let session = kernel::open(&request, &types)?;
        kernel::sufficient(&session)?;
        kernel::gathers(&session)?;
        let child = command::start(&asked.command)?;
        let needs = Needs {
            command: child.is_some(),
            old_kernel: confined::is_old(&facts),
            ..Needs::default()
        };
        confined::confine(needs, asked.quiet);
        let clock = clock::sample();
        let run = Run {
            asked,
            only_wanted: !request.filters.pids.is_empty() || !request.filters.comms.is_empty(),
            told: told(&clock),
            session,
            before: Counted::new(),
        };
        run.go(&facts, &stop, child).await
    })
}

/// One run.
struct Run<'a> {
    asked: &'a Asked,
    only_wanted: bool,
    told: Told,
    session: Session,
    /// What was counted when the last interval ended.
    before: Counted,
}

impl Run<'_> {
    async fn go(
        mut self,
        facts: &SystemFacts,
        stop: &Stop,
        mut child: Option<Child>,
    ) -> Result<Exit, Failure> {
        let ended = match self.announce(facts) {
            Ok(()) => self.until_the_end(stop, &mut child).await,
            Err(error) => Err(error),
        };
        let closed = match ended {
            Ok(exit) => self.close(exit),
            Err(error) => Err(error),
        };
        match closed {
            Err(error) if output::is_closed(&error) => Ok(Exit::Ok),
            closed => Ok(closed?),
        }
    }

    fn announce(&mut self, facts: &SystemFacts) -> io::Result<()> {
        let points = kernel::points(&self.session);
        let start = Start {
            at: clock::now(),
            version: env!("CARGO_PKG_VERSION"),
            kernel: Some(&facts.release),
            machine: std::env::consts::ARCH,
            transport: Some(self.session.transport()),
            points: &points,
        };
        if !self.asked.quiet {
            kernel::say_absent(&points);
            output::say(
                "finrst: gathering in the kernel; quantiles are within an eighth, phases to the wire are not seen",
            );
        }
        let mut out = output::stdout();
        self.told.render().start(&start, &mut out)?;
        out.flush()
    }

    /// Tells of every interval, until there is a reason to end; of a command its exit code.
    async fn until_the_end(&mut self, stop: &Stop, child: &mut Option<Child>) -> io::Result<Exit> {
        let deadline = async {
            match self.asked.stopping.duration {
                Some(duration) => tokio::time::sleep(duration).await,
                None => pending().await,
            }
        };
        tokio::pin!(deadline);
        let every = self.asked.interval.unwrap_or(Duration::from_secs(1));
        let mut tick = tokio::time::interval(every);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first is at once.
        tick.tick().await;
        let mut since = clock::now();
        loop {
            tokio::select! {
                () = stop.asked() => return Ok(Exit::Ok),
                () = &mut deadline => return Ok(Exit::Ok),
                status = command::ended(child) => {
                    let exit = command::exit(status?);
                    self.aftermath().await?;
                    return Ok(exit);
                }
                _ = tick.tick() => {
                    output::still_read()?;
                    if self.asked.interval.is_some() {
                        let until = clock::now();
                        self.interval((since, until))?;
                        since = until;
                    }
                }
            }
        }
    }

    /// Waits a moment for connections that are under way.
    async fn aftermath(&self) -> io::Result<()> {
        let until = tokio::time::Instant::now() + AFTERMATH;
        while tokio::time::Instant::now() < until {
            let lives = self.session.gathered.lives().map_err(io::Error::other)?;
            if lives.iter().all(|it| it.flags & life::GONE != 0) {
                break;
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    fn interval(&mut self, during: (MonoNs, MonoNs)) -> io::Result<()> {
        let now = gathered::read(&self.session.gathered)?;
        let grown = gathered::between(&self.before, &now);
        let name = |owner: &_| self.session.gathered.name(owner);
        let mut out = output::stdout();
        self.told.interval((&grown, &name), during, &mut out)?;
        self.before = now;
        out.flush()
    }

    /// Detaches, and tells what was gathered.
    fn close(&mut self, exit: Exit) -> io::Result<Exit> {
        self.session.detach();
        self.session.settle(&mut |_record| {})?;
        let (gathered, at) = (&self.session.gathered, clock::now());
        let name = |owner: &_| gathered.name(owner);
        let counted = gathered::read(gathered)?;
        let lives = gathered.lives().map_err(io::Error::other)?;
        let endings = self
            .told
            .take((&counted, &lives), (self.only_wanted, at), &name);
        let counts = self.session.counts()?;
        let tally = Tally {
            at,
            endings,
            evicted: counts.unfollowed() + counts.ungathered(),
            missed: self.session.missed(),
            ..Tally::default()
        };
        let mut out = output::stdout();
        self.told.render().summary(&tally, &mut out)?;
        out.flush()?;
        if !self.asked.quiet {
            view::say_summary(&tally)?;
        }
        Ok(
            if exit == Exit::Ok && self.asked.stopping.fail_on_loss && tally.evicted > 0 {
                Exit::Lost
            } else {
                exit
            },
        )
    }
}

/// Refuses what the kernel half cannot tell apart.
///
/// # Errors
///
/// Exit code 2.
pub(super) fn check(by: By) -> Result<(), Failure> {
    match by {
        By::All | By::Process => Ok(()),
        By::Peer | By::Cause | By::Function => {
            let what = anyhow!("in the kernel endings are told apart by their process alone");
            Err(Failure::new(
                Exit::Usage,
                what,
                "without --in-kernel they are by all else, too",
            ))
        }
    }
}
