//! Latencies as JSON Lines: one line per group.

use std::io::{self, Write};

use crate::{
    latency::Latencies,
    model::time::MonoNs,
    render::{json::Json, schema::latency},
};

/// Writes the groups of an interval, or with no beginning those of the whole run.
pub(super) fn write(
    json: &mut Json,
    latencies: &Latencies,
    (from, until): (Option<MonoNs>, MonoNs),
    out: &mut dyn Write,
) -> io::Result<()> {
    for (key, group) in latencies.groups() {
        let body = latency::latency(key, group, (from, latencies.within()));
        json.line("latency", until, body, out)?;
    }
    if latencies.refused() > 0 {
        let body = latency::refused(latencies.refused(), from);
        json.line("latency", until, body, out)?;
    }
    Ok(())
}
