//! `finrst trace`.

use std::{future::pending, io, process::ExitStatus, time::Duration};

use jiff::tz::TimeZone;
use tokio::{process::Child, time::MissedTickBehavior};

use super::{
    account, capture::Capture, command, kernel, output, priority, scan::Pending, select, stop::Stop,
};
use crate::{
    cli::{Output, Trace, Wire},
    correlate::{Correlator, Limits},
    enrich::{clock, facts::Live, scan::Scan},
    exit::{Exit, Failure},
    model::reason::ReasonNames,
    pipeline::Pipeline,
    probe::{session::Session, source::Source, system::SystemFacts},
    render::{Format, Options, Point, Start, time::WallClock},
    tally::Tally,
};

/// How often the buffers are emptied when nothing fills them; with the slack this stays below the
/// 50 ms within which a record is delivered.
const TICK: Duration = Duration::from_millis(15);
/// How long a record may be on its way from its stamp to its buffer; later ones are counted late.
const SLACK_NS: u64 = 20_000_000;
/// How long endings wait for their segments: longer than a busy machine's capture takes.
const ANSWER_NS: u64 = 200_000_000;
/// How often losses are looked at and the wall clock is read.
const ACCOUNT_EVERY: Duration = Duration::from_secs(1);
/// How long connections of a command that ended may take to be taken down.
const AFTERMATH: Duration = Duration::from_millis(100);

pub(super) fn run(trace: &Trace) -> Result<Exit, Failure> {
    let facts = kernel::privileges()?;
    let mut filters = select::filters(&trace.select, trace.quiet)?;
    if !trace.command.is_empty() {
        // The command will be a child of ours, and we have no connections of our own.
        filters.pids.push(std::process::id());
        filters.follow = true;
    }
    let types = kernel::types(trace.kernel.btf.as_deref())?;
    let request = kernel::request(&trace.kernel, select::records(trace), filters)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let stop = Stop::listen()?;
        let session = kernel::open(&request, &types)?;
        kernel::sufficient(&session)?;
        let names = types.btf.enumeration("sk_rst_reason")?.unwrap_or_default();
        let capture = Capture::open(trace)?;
        let mut pipeline = pipeline(trace, ReasonNames::new(names));
        if capture.is_on() {
            pipeline.captures();
        }
        let run = Run {
            trace,
            session,
            pipeline,
            known: Pending::new(),
            capture,
            stop,
        };
        run.go(&facts).await
    })
}

fn pipeline(trace: &Trace, names: ReasonNames) -> Pipeline {
    let format = match trace.output {
        Output::Text => Format::Text,
        Output::Json => Format::Json,
    };
    let view = format.renderer(options(trace, names.clone(), output::coloured(trace.color)));
    let settle_ns = u64::try_from(trace.settle.as_nanos()).unwrap_or(u64::MAX);
    let (limits, wire) = (Limits::default(), trace.wire != Wire::Off);
    let correlator = Correlator::new(
        Limits {
            settle_ns,
            sockets: trace.sockets,
            answer_ns: if wire { ANSWER_NS } else { 0 },
            grace_ns: if wire { ANSWER_NS } else { limits.grace_ns },
            ..limits
        },
        names,
    );
    Pipeline::new(
        Box::new(Live::here()),
        correlator,
        view,
        output::stdout(),
        select::wanted(&trace.select.kinds),
        trace.verbose,
        trace.count,
    )
}

fn options(trace: &Trace, reasons: ReasonNames, colour: bool) -> Options {
    Options {
        clock: wall_clock(),
        reasons,
        colour,
        explain: trace.explain,
    }
}

fn wall_clock() -> WallClock {
    WallClock {
        offset_ns: clock::wall_offset_ns(),
        zone: TimeZone::system(),
    }
}

/// Why the loop ended.
enum End {
    /// A signal, the duration, or the count.
    Asked,
    /// The traced command ended.
    Command(ExitStatus),
    /// The reader of our output went away.
    ReaderGone,
}

/// One run of `finrst trace`.
struct Run<'a> {
    trace: &'a Trace,
    session: Session,
    pipeline: Pipeline,
    known: Pending,
    capture: Capture,
    stop: Stop,
}

impl Run<'_> {
    async fn go(mut self, facts: &SystemFacts) -> Result<Exit, Failure> {
        // Nothing is told before the command runs: a command that cannot is a refusal.
        let child = command::start(&self.trace.command)?;
        priority::raise();
        let ended = match self.announce(facts) {
            Ok(()) => {
                // Hooks first, then the look at what is older: nothing falls between the two.
                self.known.begin();
                self.until_the_end(child).await
            }
            Err(error) => Err(error),
        };
        let end = match ended {
            Err(error) if output::is_closed(&error) => End::ReaderGone,
            ended => ended?,
        };
        let tally = match self.close(&end) {
            Err(error) if output::is_closed(&error) => return Ok(Exit::Ok),
            tally => tally?,
        };
        Ok(match end {
            End::Command(status) => command::exit(status),
            End::Asked | End::ReaderGone if self.trace.fail_on_loss && tally.lost.total() > 0 => {
                Exit::Lost
            }
            End::Asked | End::ReaderGone => Exit::Ok,
        })
    }

    /// Says that tracing has begun, to programs on stdout, to people on stderr.
    fn announce(&mut self, facts: &SystemFacts) -> io::Result<()> {
        let outcomes = || {
            self.session
                .plan
                .outcomes
                .iter()
                .filter(|outcome| outcome.wanted)
        };
        let points: Vec<_> = outcomes()
            .map(|outcome| Point {
                name: outcome.point.name,
                way: outcome.chosen.map(|hook| hook.way().name()),
            })
            .collect();
        let start = Start {
            at: clock::now(),
            version: env!("CARGO_PKG_VERSION"),
            kernel: Some(&facts.release),
            transport: Some(match self.trace.kernel.transport {
                crate::cli::Transport::Perf => "perf",
                crate::cli::Transport::Ringbuf => "ringbuf",
            }),
            points: &points,
        };
        if !self.trace.quiet || self.trace.output == Output::Json {
            self.pipeline.start(&start)?;
        }
        if !self.trace.quiet {
            let absent: Vec<_> = points
                .iter()
                .filter(|point| point.way.is_none())
                .map(|point| point.name)
                .collect();
            if !absent.is_empty() {
                let absent = absent.join(", ");
                output::say(format_args!(
                    "finrst: running without {absent}: `finrst check` says why and what is lost"
                ));
            }
        }
        Ok(())
    }

    /// Empties the buffers whenever they fill and at every tick, until there is a reason to end.
    async fn until_the_end(&mut self, mut child: Option<Child>) -> io::Result<End> {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut account = tokio::time::interval(ACCOUNT_EVERY);
        let deadline = async {
            match self.trace.duration {
                Some(duration) => tokio::time::sleep(duration).await,
                None => pending().await,
            }
        };
        tokio::pin!(deadline);
        loop {
            let mut end = None;
            tokio::select! {
                ready = self.session.filled() => ready?,
                _ = tick.tick() => {}
                _ = account.tick() => self.account()?,
                ready = self.capture.filled() => ready?,
                scan = self.known.ready() => self.know(scan),
                () = self.stop.asked() => end = Some(End::Asked),
                () = &mut deadline => end = Some(End::Asked),
                status = ended(&mut child) => end = Some(End::Command(status?)),
            }
            if let Some(end) = end {
                return Ok(end);
            }
            if self.turn()? {
                return Ok(End::Asked);
            }
        }
    }

    /// Takes in who held the sockets older than the attach; what was not seen is said.
    fn know(&mut self, scan: Scan) {
        let refused = self.pipeline.know(scan.sockets);
        if self.trace.quiet {
            return;
        }
        for gap in &scan.gaps {
            output::say(format_args!("finrst: {gap}"));
        }
        if refused > 0 {
            output::say(format_args!(
                "finrst: too many sockets: who holds {refused} of them was not noted"
            ));
        }
    }

    fn turn(&mut self) -> io::Result<bool> {
        let watermark = clock::now().before(SLACK_NS);
        let Self {
            session,
            pipeline,
            capture,
            ..
        } = self;
        session.drain(&mut |record| pipeline.take(record))?;
        capture.drain(pipeline)?;
        pipeline.turn(watermark)
    }

    fn account(&mut self) -> io::Result<()> {
        output::still_read()?;
        self.pipeline.clock(wall_clock());
        self.pipeline.account(account::read(&self.session)?)
    }

    /// Detaches, reads what is left, tells it and the account.
    fn close(&mut self, end: &End) -> io::Result<Tally> {
        if matches!(end, End::Command(_)) {
            let until = clock::now().after(u64::try_from(AFTERMATH.as_nanos()).unwrap_or(0));
            while self.pipeline.sockets() > 0 && clock::now() < until {
                std::thread::sleep(TICK);
                self.turn()?;
            }
        }
        self.session.detach();
        let Self {
            session,
            pipeline,
            capture,
            ..
        } = self;
        session.settle(&mut |record| pipeline.take(record))?;
        capture.finish(pipeline)?;
        pipeline.account(account::read(session)?)?;
        // People get the account on stderr, where it does not mix with the data.
        let tally = pipeline.finish(self.trace.output == Output::Json)?;
        if !self.trace.quiet {
            self.capture.report()?;
            let mut summary = Vec::new();
            let options = options(self.trace, ReasonNames::default(), false);
            Format::Text
                .renderer(options)
                .summary(&tally, &mut summary)?;
            output::say(String::from_utf8_lossy(summary.trim_ascii_end()));
        }
        Ok(tally)
    }
}

/// Waits for the command to end; forever when there is none.
async fn ended(child: &mut Option<Child>) -> io::Result<ExitStatus> {
    match child {
        Some(child) => child.wait().await,
        None => pending().await,
    }
}
