//! `finrst latency --compare`: two processes or two recordings, whichever the names say.

mod processes;
mod recordings;

use std::path::Path;

use anyhow::anyhow;

use crate::{
    cli::Latency,
    exit::{Exit, Failure},
};

/// Holds the second against the first.
///
/// # Errors
///
/// There is no such process or recording, or they cannot be compared.
pub(super) fn run(asked: &Latency, before: &Path, after: &Path) -> Result<Exit, Failure> {
    match (pid(before), pid(after)) {
        (Some(before), Some(after)) => processes::run(asked, [before, after]),
        (None, None) => {
            // It knows how to say so better than we do.
            Latency::is_offline(std::env::args_os()).unwrap_or_else(|refused| refused.exit());
            recordings::run(asked, before, after)
        }
        (Some(pid), None) => Err(mixed(pid, after)),
        (None, Some(pid)) => Err(mixed(pid, before)),
    }
}

/// The process that is meant by a number that is no file.
fn pid(name: &Path) -> Option<u32> {
    let pid = name.to_str()?.parse().ok()?;
    (!name.exists()).then_some(pid)
}

fn mixed(pid: u32, file: &Path) -> Failure {
    let file = file.display();
    let what = anyhow!("{pid} names a process and {file} a recording: they are not compared");
    let hint = format!("`finrst record -p {pid} -o other.finrst` makes a recording of the process");
    Failure::new(Exit::Usage, what, hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_a_pid_where_no_file_has_that_name() {
        let here = tempfile::tempdir().unwrap();
        let file = here.path().join("1234");
        assert_eq!(pid(Path::new("1234")), Some(1234));
        assert_eq!(pid(Path::new("run.finrst")), None);
        assert_eq!(pid(Path::new("./1234")), None);
        std::fs::write(&file, "").unwrap();
        assert_eq!(pid(&file), None);
    }

    #[test]
    fn a_process_and_a_recording_are_refused_by_their_names() {
        let told = mixed(7, Path::new("a.finrst")).to_string();
        assert!(
            told.contains("7 names a process and a.finrst a recording"),
            "{told}"
        );
    }
}
