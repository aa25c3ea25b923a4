//! What surrounds an ending and is in no record: the machine and its settings.

use std::{
    env, fs,
    io::{self, Write},
    path::Path,
};

use crate::{
    app::check, cli::Catch, enrich::sysctl, exit::Failure, flight::Flight, render::time::human,
};

/// The machine, as it was when the wait began.
pub(super) struct Environment {
    /// What `finrst check` says.
    check: String,
}

impl Environment {
    /// Looks at what does not change, before anything is attached.
    ///
    /// # Errors
    ///
    /// The kernel's release cannot be read.
    pub(super) fn look(asked: &Catch) -> Result<Self, Failure> {
        let check = check::text(&asked.select, &asked.kernel)?;
        Ok(Self { check })
    }

    /// Writes everything, for people and for `grep`.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub(super) fn write(&self, flight: &Flight, out: &mut dyn Write) -> io::Result<()> {
        let proc = |name: &str| {
            let read = fs::read_to_string(Path::new("/proc").join(name));
            read.map_or_else(|error| error.to_string(), |text| text.trim().to_owned())
        };
        let arguments = env::args_os().map(|argument| argument.to_string_lossy().into_owned());
        let arguments: Vec<_> = arguments.collect();
        let uptime = proc("uptime");
        let uptime = uptime.split(' ').next().unwrap_or_default();
        writeln!(out, "finrst        {}", env!("CARGO_PKG_VERSION"))?;
        writeln!(out, "command line  {}", arguments.join(" ").escape_debug())?;
        writeln!(out, "kernel        {}", proc("version"))?;
        writeln!(out, "host          {}", proc("sys/kernel/hostname"))?;
        writeln!(out, "up since      {uptime} s")?;
        let kept = human(flight.span_ns());
        let (bytes, early) = (flight.memory(), flight.crowded_out());
        writeln!(
            out,
            "kept          the last {kept} in {bytes} bytes; given up early for want of room: {early} times"
        )?;
        writeln!(out, "\n# sysctl, of the network namespace finrst ran in\n")?;
        for (name, value) in sysctl::tcp(Path::new("/proc/sys")) {
            writeln!(out, "{name} = {value}")?;
        }
        write!(out, "\n# finrst check\n\n{}", self.check)
    }
}
