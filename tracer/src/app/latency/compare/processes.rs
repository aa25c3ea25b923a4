//! Two running processes, gathered side by side.

use std::path::Path;

use anyhow::anyhow;

use crate::{
    app::{job::Job, latency::in_kernel, select, trace, view::View},
    cli::{Latency, Select, Stack},
    enrich::descendants,
    exit::{Exit, Failure},
    render::latency::pair::Subject,
};

/// Gathers the endings of both until there is a reason to end, and tells how they differ.
///
/// # Errors
///
/// A [`Failure`] of any exit code.
pub(super) fn run(asked: &Latency, pids: [u32; 2]) -> Result<Exit, Failure> {
    let [before, after] = pids;
    if before == after {
        let what = anyhow!("both are process {before}");
        let hint = "recordings of one process at two times can be compared";
        return Err(Failure::new(Exit::Usage, what, hint));
    }
    if asked.stopping.count.is_some() {
        let what = anyhow!("--count would count the endings of others too");
        return Err(Failure::new(
            Exit::Usage,
            what,
            "--duration ends it in time",
        ));
    }
    let subjects = [subject(before)?, subject(after)?];
    if asked.in_kernel {
        let select = Select {
            pids: pids.to_vec(),
            ..asked.select.clone()
        };
        return in_kernel::compare(asked, &select, subjects);
    }
    trace::live(&Job {
        // Not by their pids: until a connection is accepted it is nobody's, and a FIN may come before.
        select: &asked.select,
        stopping: &asked.stopping,
        kernel: &asked.kernel,
        wiring: &asked.wiring,
        command: &[],
        quiet: asked.quiet,
        every_record: false,
        stack: Some(Stack::None),
        go_callers: false,
        view: Some(View::compared(asked.output, asked.color, subjects)),
        file: None,
        catch: None,
    })
}

/// A process by the name it has now.
fn subject(pid: u32) -> Result<Subject, Failure> {
    select::must_exist(pid)?;
    let name = descendants::name(Path::new("/proc"), pid);
    Ok(Subject {
        pid,
        name: name.map_or_else(|| pid.to_string(), |comm| format!("{comm}[{pid}]")),
    })
}
