//! `finrst leaks`.

use std::{
    io::{self, Write as _},
    path::Path,
    time::Duration,
};

use jiff::tz::TimeZone;

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
        Found, Looks,
        ports::{Ports, ports},
    },
    model::{known::KnownSocket, time::MonoNs},
    render::{
        leaks::{Growth, Report},
        time::WallClock,
    },
};

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
    let older_than = asked.older_than.as_nanos();
    let mut looks = Looks::new(u64::try_from(older_than).unwrap_or(u64::MAX));
    let mut before: Option<(MonoNs, Found)> = None;
    let mut left = asked.count;
    loop {
        let mut sockets = look(asked.quiet)?;
        let at = clock::now();
        // Of the whole namespace: ports are taken by whoever.
        let ports = own_ports(&sockets, asked.quiet);
        sockets.retain(|socket| wanted.admits(socket));
        let found = looks.take(&sockets, at);
        let growth = before.as_ref().map(|(then, found)| Growth {
            before: found,
            elapsed_ns: at.since(*then),
        });
        let report = Report {
            at,
            found: &found,
            growth,
            ports: ports.as_ref(),
        };
        if let Err(error) = print(asked, &report) {
            return if output::is_closed(&error) {
                Ok(Exit::Ok)
            } else {
                Err(error.into())
            };
        }
        let exit = if found.sockets() > 0 {
            Exit::Leaks
        } else {
            Exit::Ok
        };
        left = left.map(|left| left.saturating_sub(1));
        let Some(every) = asked.watch.filter(|_| left != Some(0)) else {
            return Ok(exit);
        };
        before = Some((at, found));
        if !rest(&stop, every).await {
            return Ok(exit);
        }
    }
}

/// Waits; false when it is to stop instead.
async fn rest(stop: &Stop, time: Duration) -> bool {
    tokio::select! {
        () = stop.asked() => false,
        () = tokio::time::sleep(time) => true,
    }
}

/// The ports of the network namespace finrst runs in; `None` where that cannot be known.
fn own_ports(sockets: &[KnownSocket], quiet: bool) -> Option<Ports> {
    let own = netns::inode("/proc/self/ns/net").ok()?;
    let range = ephemeral(Path::new("/proc/sys"));
    let range = range.inspect_err(|error| {
        if !quiet {
            output::say(format_args!(
                "finrst: which ports are ephemeral cannot be read: {error}"
            ));
        }
    });
    let own: Vec<_> = sockets
        .iter()
        .filter(|socket| socket.flow.netns == Some(own))
        .cloned()
        .collect();
    Some(ports(&own, &range.ok()?))
}

fn print(asked: &Leaks, report: &Report<'_>) -> io::Result<()> {
    let mut out = output::stdout();
    match asked.output {
        Output::Text => {
            let clock = WallClock::new(clock::sample().offset_ns, TimeZone::system());
            let colour = output::coloured(asked.color);
            report.text(&clock, colour, !asked.quiet, &mut out)?;
        }
        Output::Json => {
            let clock = WallClock::new(clock::sample().offset_ns, TimeZone::UTC);
            report.json(&clock, &mut out)?;
        }
    }
    out.flush()
}
