//! The loop of a live run: what the buffers hold goes down the road until there is a reason to end.

use std::{future::pending, io, process::ExitStatus, time::Duration};

use tokio::{process::Child, time::MissedTickBehavior};

use crate::{
    app::{
        account,
        captures::Captures,
        catch::{self, Catching},
        clocks::Clocks,
        command,
        goroutines::Watch,
        job::Job,
        output, priority,
        record::{Destination, Tape},
        scan::{self, Pending},
        stop::Stop,
        trace::{callers, devices},
        translators::Translators,
        view,
    },
    enrich::{clock, facts::Live},
    exit::{Exit, Failure},
    model::time::Reached,
    pipeline::tap::Tapped,
    probe::{devices::Devices, session::Session, source::Source, system::SystemFacts},
    tally::Tally,
};

/// How often the buffers are emptied when nothing fills them; with the slack this stays below the
/// 50 ms within which a record is delivered.
const TICK: Duration = Duration::from_millis(15);
/// How long a record may be on its way from its stamp to its buffer; later ones are counted late.
const SLACK_NS: u64 = 20_000_000;
/// How often losses are looked at and the wall clock is read.
const ACCOUNT_EVERY: Duration = Duration::from_secs(1);
/// How long connections of a command that ended may take to be taken down.
const AFTERMATH: Duration = Duration::from_millis(100);

/// Why the loop ended.
enum End {
    /// A signal.
    Asked,
    /// The duration, or the count.
    Over,
    /// The traced command ended.
    Command(ExitStatus),
    /// The reader of our output went away.
    ReaderGone,
}

impl End {
    /// Its word in a recording.
    const fn word(&self) -> &'static str {
        match self {
            Self::Asked | Self::Over => "asked",
            Self::Command(_) => "command",
            Self::ReaderGone => "reader_gone",
        }
    }
}

/// One run of `finrst trace` or `finrst record`.
pub(super) struct Run<'a> {
    pub(super) job: &'a Job<'a>,
    pub(super) session: Session,
    pub(super) pipeline: Tapped<Live>,
    pub(super) known: Pending,
    pub(super) goroutines: Watch,
    pub(super) capture: Captures,
    pub(super) clocks: Clocks,
    pub(super) devices: Option<Devices>,
    pub(super) translators: Translators,
    pub(super) stop: Stop,
    /// Whether a recording ended before the run.
    pub(super) unrecorded: bool,
    /// What is waited for, where only that is to be saved.
    pub(super) catching: Option<Catching>,
}

impl Run<'_> {
    /// Runs to the end.
    ///
    /// # Errors
    ///
    /// Buffers that cannot be read, output that cannot be written.
    pub(super) async fn go(
        mut self,
        facts: &SystemFacts,
        tape: Option<Tape>,
        child: Option<Child>,
    ) -> Result<Exit, Failure> {
        priority::raise();
        let ended = match self.announce(facts, tape) {
            Ok(()) => {
                // Hooks first, then the look at what is older: nothing falls between the two.
                self.known.begin();
                self.goroutines.begin();
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
        if let Some(catching) = self.catching.take() {
            return Ok(catching.close(matches!(end, End::Asked)).await?);
        }
        Ok(match end {
            _ if self.unrecorded => Exit::Runtime,
            End::Command(status) => command::exit(status),
            End::Asked | End::Over | End::ReaderGone
                if self.job.stopping.fail_on_loss && tally.lost.total() > 0 =>
            {
                Exit::Lost
            }
            End::Asked | End::Over | End::ReaderGone => Exit::Ok,
        })
    }

    /// Empties the buffers whenever they fill and at every tick, until there is a reason to end.
    async fn until_the_end(&mut self, mut child: Option<Child>) -> io::Result<End> {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut account = tokio::time::interval(ACCOUNT_EVERY);
        let deadline = async {
            match self.job.stopping.duration {
                Some(duration) => tokio::time::sleep(duration).await,
                None => pending().await,
            }
        };
        tokio::pin!(deadline);
        loop {
            let mut end = None;
            // What was caught in time is saved with what follows it.
            let waiting = self.catching.as_ref().is_some_and(Catching::is_waiting);
            tokio::select! {
                ready = self.session.filled() => ready?,
                _ = tick.tick() => {}
                _ = account.tick() => self.account()?,
                ready = self.capture.filled() => ready?,
                changed = devices::changed(self.devices.as_ref()) => {
                    changed?;
                    self.renew_devices()?;
                }
                scan = self.known.ready() => {
                    let held = &mut self.session.held;
                    scan::take(scan, self.job.quiet, held, &mut self.pipeline);
                }
                () = self.stop.asked() => end = Some(End::Asked),
                () = &mut deadline, if !waiting => end = Some(End::Over),
                status = command::ended(&mut child) => end = Some(End::Command(status?)),
            }
            if let Some(end) = end {
                return Ok(end);
            }
            if self.turn()? || self.caught().await? {
                return Ok(End::Over);
            }
            if let Some(end) = self.recording() {
                return Ok(end);
            }
        }
    }

    /// Says it when the recording failed; the end of the run where there is nothing else to do.
    fn recording(&mut self) -> Option<End> {
        let (error, file) = (self.pipeline.recording_failed()?, self.job.file.as_ref()?);
        let only = self.job.view.is_none();
        if only && output::is_closed(&error) {
            return Some(End::ReaderGone);
        }
        self.unrecorded = true;
        // A command is not to die of it.
        let goes_on = !only || !self.job.command.is_empty();
        file.say_failed(&error, goes_on);
        (!goes_on).then_some(End::Asked)
    }

    /// Saves what was caught and is due; says whether that is all there is to catch.
    async fn caught(&mut self) -> io::Result<bool> {
        let turn = self.catching.as_mut().map(Catching::turn);
        if turn == Some(catch::Turn::Save) {
            // What is saved has an account of its own.
            self.account()?;
            if let Some(catching) = &mut self.catching {
                catching.save().await?;
            }
        }
        Ok(turn == Some(catch::Turn::End))
    }

    fn turn(&mut self) -> io::Result<bool> {
        let records = clock::now().before(SLACK_NS);
        let Self {
            session,
            pipeline,
            capture,
            clocks,
            goroutines,
            translators,
            ..
        } = self;
        callers::follow(session, goroutines, self.job.quiet);
        // Segments first: where records have piled up, some are used at once, and endings told.
        capture.drain(clocks, pipeline)?;
        session.drain(&mut |record| {
            goroutines.notice(record);
            translators.notice(record, pipeline);
            pipeline.take(record);
        })?;
        let segments = capture.reached(SLACK_NS);
        pipeline.turn(Reached { records, segments })
    }

    fn account(&mut self) -> io::Result<()> {
        let file = self.job.file.as_ref();
        if self.job.view.is_some() || file.is_some_and(Destination::is_stdout) {
            output::still_read()?;
        }
        let Self {
            session,
            pipeline,
            capture,
            clocks,
            translators,
            ..
        } = self;
        capture.refresh(clocks, pipeline)?;
        translators.refresh();
        clocks.sample(true, pipeline);
        pipeline.account(account::read(session, capture, clocks)?)?;
        self.catching.as_ref().map_or(Ok(()), Catching::tick)
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
        self.devices = None;
        self.session.detach();
        let Self {
            session,
            pipeline,
            capture,
            clocks,
            translators,
            ..
        } = self;
        session.settle(&mut |record| {
            translators.notice(record, pipeline);
            pipeline.take(record);
        })?;
        if !capture.finish(clocks, pipeline)? && !self.job.quiet {
            output::say("finrst: the last of the capture could not be read in time");
        }
        pipeline.account(account::last(session, capture, clocks)?)?;
        // People get the account on stderr, where it does not mix with the data.
        let finished = pipeline.finish(self.job.is_framed(), end.word());
        self.recording();
        let tally = finished?;
        if !self.job.quiet {
            view::say_summary(&tally)?;
        }
        Ok(tally)
    }
}
