//! `finrst leaks`.

use std::{
    io::{self, Write as _},
    path::Path,
    time::Duration,
};

use jiff::tz::TimeZone;
use tokio::{task::spawn_blocking, time::Instant};

use super::{
    output,
    sockets::{Wanted, look},
    stop::Stop,
};
use crate::{
    cli::{Leaks, Output},
    enrich::{clock, netns, ports::ephemeral},
    exit::{Exit, Failure},
    leaks::{
        Looks, Names, Traced, attribute,
        group::Groups,
        ports::{Ports, ports},
    },
    model::{known::KnownSocket, time::MonoNs},
    render::{
        leaks::{Growth, Report},
        time::WallClock,
    },
};

mod hooked;
mod names;

use hooked::Hooked;

pub(super) fn run(asked: &Leaks) -> Result<Exit, Failure> {
    let wanted = Wanted::new(&asked.filters)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    runtime.block_on(watch(asked, &wanted))
}

/// Looks once, or again and again.
async fn watch(asked: &Leaks, wanted: &Wanted<'_>) -> Result<Exit, Failure> {
    let stop = Stop::listen()?;
    let hooked = asked.hooked.map(|_| Hooked::open(asked));
    let mut watch = Watch {
        asked,
        wanted,
        looks: Looks::new(nanoseconds(asked.older_than())),
        names: Names::default(),
        before: None,
        hooked: hooked.transpose()?,
    };
    let until = asked.hooked.map(|time| Instant::now() + time);
    if let Some(hooked) = &mut watch.hooked {
        // The kernel makes a cookie for each socket it tells of: hooks know it by that.
        let (sockets, at) = hooked.look(asked.shown.quiet).await?;
        watch.looks.take(&sockets, at, None);
    }
    let mut going_on = until.is_none() || watch.rest(&stop, until).await?;
    let mut left = asked.count;
    loop {
        let exit = match watch.look().await {
            Err(error) if is_closed(&error) => return Ok(Exit::Ok),
            exit => exit?,
        };
        left = left.map(|left| left.saturating_sub(1));
        let over = until.is_some_and(|until| Instant::now() >= until);
        if asked.watch.is_none() || left == Some(0) || over || !going_on {
            return watch.close(exit);
        }
        going_on = watch.rest(&stop, until).await?;
        // With hooks there is more to tell than at the look before; without, nothing.
        if !going_on && until.is_none() {
            return watch.close(exit);
        }
    }
}

fn is_closed(failure: &Failure) -> bool {
    let error = failure.error.downcast_ref::<io::Error>();
    error.is_some_and(output::is_closed)
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Looks, and what is kept between them.
struct Watch<'a> {
    asked: &'a Leaks,
    wanted: &'a Wanted<'a>,
    looks: Looks,
    names: Names,
    before: Option<(MonoNs, Groups)>,
    hooked: Option<Hooked>,
}

impl Watch<'_> {
    /// Looks once and tells it.
    async fn look(&mut self) -> Result<Exit, Failure> {
        let quiet = self.asked.shown.quiet;
        let (mut sockets, at) = match &mut self.hooked {
            Some(hooked) => hooked.look(quiet).await?,
            None => (look(quiet)?, clock::now()),
        };
        let traced = self.hooked.as_ref().map(Hooked::traced);
        // Of the whole namespace: ports are taken by whoever.
        let ports = own_ports(&sockets, traced, quiet);
        attribute(&mut sockets, traced);
        sockets.retain(|socket| self.wanted.admits(socket));
        let mut found = self.looks.take(&sockets, at, traced);
        if let Some(hooked) = &mut self.hooked {
            hooked.name(&mut found, &mut self.names).await?;
        }
        let groups = Groups::of(&found.leaked, &self.names);
        let growth = self.before.as_ref().map(|(then, before)| Growth {
            before,
            elapsed_ns: at.since(*then),
        });
        let report = Report {
            at,
            found: &found,
            groups: &groups,
            names: &self.names,
            growth,
            ports: ports.as_ref(),
            each: self.asked.verbose,
        };
        print(self.asked, &report)?;
        let leaked = groups.sockets() > 0;
        self.before = Some((at, groups));
        Ok(if leaked { Exit::Leaks } else { Exit::Ok })
    }

    /// Waits until the next look; false when it is the last, because somebody asked to stop.
    async fn rest(&mut self, stop: &Stop, until: Option<Instant>) -> Result<bool, Failure> {
        let next = self.asked.watch.map(|every| Instant::now() + every);
        let Some(next) = next.into_iter().chain(until).min() else {
            return Ok(false);
        };
        if let Some(hooked) = &mut self.hooked {
            return Ok(hooked.follow(stop, next).await?);
        }
        tokio::select! {
            () = stop.asked() => Ok(false),
            () = tokio::time::sleep_until(next) => Ok(true),
        }
    }

    fn close(self, exit: Exit) -> Result<Exit, Failure> {
        if let Some(hooked) = self.hooked
            && !self.asked.shown.quiet
        {
            hooked.say_account()?;
        }
        Ok(exit)
    }
}

/// A look on a thread of its own.
async fn look_aside(quiet: bool) -> Result<Vec<KnownSocket>, Failure> {
    match spawn_blocking(move || look(quiet)).await {
        Ok(found) => found,
        Err(error) => Err(anyhow::Error::new(error).into()),
    }
}

/// The ports of the network namespace finrst runs in; `None` where that cannot be known.
fn own_ports(sockets: &[KnownSocket], traced: Option<&Traced>, quiet: bool) -> Option<Ports> {
    let own = netns::inode("/proc/self/ns/net").ok()?;
    let range = ephemeral(Path::new("/proc/sys"));
    let range = range.inspect_err(|error| {
        if !quiet {
            output::say(format_args!(
                "finrst: which ports are ephemeral cannot be read: {error}"
            ));
        }
    });
    let own = sockets
        .iter()
        .filter(|socket| socket.flow.netns == Some(own));
    Some(ports(own, &range.ok()?, traced))
}

fn print(asked: &Leaks, report: &Report<'_>) -> io::Result<()> {
    let mut out = output::stdout();
    match asked.shown.output {
        Output::Text => {
            let clock = WallClock::new(clock::sample().offset_ns, TimeZone::system());
            let colour = output::coloured(asked.shown.color);
            report.text(&clock, colour, !asked.shown.quiet, &mut out)?;
        }
        Output::Json => {
            let clock = WallClock::new(clock::sample().offset_ns, TimeZone::UTC);
            report.json(&clock, &mut out)?;
        }
    }
    out.flush()
}
