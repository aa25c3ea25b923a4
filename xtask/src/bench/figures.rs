//! How pages show numbers, and where these were measured.

use std::fs;

use crate::shell;

/// Three quartiles of a number that was measured once a turn, in tenths.
#[derive(Clone, Copy)]
pub(super) struct Spread([i64; 3]);

impl Spread {
    /// Of all turns.
    pub(super) fn of(numbers: impl Iterator<Item = i64>) -> Self {
        let mut numbers: Vec<_> = numbers.collect();
        numbers.sort_unstable();
        let at = |quarter: usize| {
            let place = (numbers.len().saturating_sub(1) * quarter + 2) / 4;
            numbers.get(place).copied().unwrap_or(0)
        };
        Self([at(1), at(2), at(3)])
    }

    /// The median, and the quartiles around it.
    pub(super) fn shown(self) -> String {
        let [low, middle, high] = self.0;
        if self.0 == [0; 3] {
            return "–".to_owned();
        }
        let shown = |tenths: i64| {
            let sign = if tenths < 0 { "-" } else { "" };
            format!("{sign}{}.{}", tenths.abs() / 10, tenths.abs() % 10)
        };
        format!("**{}** ({} … {})", shown(middle), shown(low), shown(high))
    }
}

/// The day, the processors, the kernel and the load.
///
/// # Errors
/// The machine does not say what it is.
pub(crate) fn place() -> anyhow::Result<String> {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo")?;
    let model = cpuinfo
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let model = model.map_or("a processor without a name", |it| {
        it.trim_matches([' ', '\t', ':'])
    });
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let load = fs::read_to_string("/proc/loadavg")?;
    let load = load.split(' ').next().unwrap_or("?");
    let processors = cpuinfo.lines();
    let count = processors.filter(|line| line.starts_with("processor"));
    let date = shell::read(&mut shell::program("date", &["-u", "+%Y-%m-%d"]))?;
    Ok(format!(
        "{}: {} × {model}, Linux {}, load average {load}",
        date.trim(),
        count.count(),
        kernel.trim()
    ))
}
