//! The ephemeral ports of the network namespace finrst runs in.

use std::{fs, io, ops::RangeInclusive, path::Path};

/// Reads `net/ipv4/ip_local_port_range` of `/proc/sys`.
///
/// # Errors
///
/// It cannot be read, or holds something else than two ports.
pub fn ephemeral(sys: &Path) -> io::Result<RangeInclusive<u16>> {
    let text = fs::read_to_string(sys.join("net/ipv4/ip_local_port_range"))?;
    range(&text).ok_or_else(|| {
        let what = format!("{:?} is no range of ports", text.trim());
        io::Error::new(io::ErrorKind::InvalidData, what)
    })
}

/// Two ports, the lower first; what is behind them says nothing.
pub(super) fn range(text: &str) -> Option<RangeInclusive<u16>> {
    let mut numbers = text.split_whitespace().map(|it| it.parse().ok());
    let (low, high) = (numbers.next()??, numbers.next()??);
    (low <= high).then_some(low..=high)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> io::Result<RangeInclusive<u16>> {
        let sys = tempfile::tempdir().unwrap();
        fs::create_dir_all(sys.path().join("net/ipv4")).unwrap();
        fs::write(sys.path().join("net/ipv4/ip_local_port_range"), text).unwrap();
        ephemeral(sys.path())
    }

    #[test]
    fn two_ports_are_a_range_and_nothing_else_is() {
        assert_eq!(read("32768\t60999\n").unwrap(), 32_768..=60_999);
        for wrong in ["", "1", "9 1", "a b", "1 70000"] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }
}
