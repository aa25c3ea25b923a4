//! Values on the command line that need more than the standard parsers.

use std::{net::IpAddr, ops::RangeInclusive, time::Duration};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use ipnet::IpNet;

use crate::model::{cause::Cause, state::TcpState};

/// What `--buffer-size` allows, in KiB: from one page to 256 MiB a CPU.
pub const BUFFER_KIB: RangeInclusive<i64> = 4..=262_144;

/// A process name as the kernel keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comm(pub String);

/// A time: a number with `ms`, `s`, `m`, `h`, or none for seconds.
///
/// # Errors
///
/// What is wrong with it, for clap to show.
pub fn duration(text: &str) -> Result<Duration, String> {
    let split = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(split).unwrap_or((text, ""));
    let seconds = match unit {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err(format!("unknown unit {unit:?}; use ms, s, m or h")),
    };
    let number: f64 = number
        .parse()
        .map_err(|_error| "not a number; say 10, 10s or 500ms".to_owned())?;
    Duration::try_from_secs_f64(number * seconds).map_err(|error| error.to_string())
}

/// An amount of memory: a number with `KiB`, `MiB` or `GiB`, from 1 MiB on.
///
/// # Errors
///
/// What is wrong with it, for clap to show.
pub fn memory(text: &str) -> Result<usize, String> {
    let units = [("KiB", 10), ("MiB", 20), ("GiB", 30)];
    let found = units.iter().find_map(|(unit, bits)| {
        let number: usize = text.strip_suffix(unit)?.trim_end().parse().ok()?;
        number.checked_mul(1 << bits)
    });
    let bytes = found.ok_or("not an amount of memory; say 512KiB, 64MiB or 1GiB")?;
    if bytes < 1 << 20 {
        return Err("less than 1MiB keeps nothing worth having".to_owned());
    }
    Ok(bytes)
}

/// A process name.
///
/// # Errors
///
/// One the kernel could never keep: `TASK_COMM_LEN` leaves 15 bytes.
pub fn comm(text: &str) -> Result<Comm, String> {
    match text.len() {
        0 => Err("an empty name matches nothing".to_owned()),
        1..=15 => Ok(Comm(text.to_owned())),
        bytes => Err(format!(
            "the kernel keeps 15 bytes of a name, this has {bytes}; use its first 15"
        )),
    }
}

/// How many sockets to remember: at least one, at most 16 million (some 15 GiB).
///
/// # Errors
///
/// What is wrong with it, for clap to show.
pub fn sockets(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number @ 1..=16_777_216) => Ok(number),
        Ok(_) | Err(_) => Err("not a number from 1 to 16777216".to_owned()),
    }
}

/// A network; an address alone stands for itself.
///
/// # Errors
///
/// What is wrong with it, for clap to show.
pub fn net(text: &str) -> Result<IpNet, String> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(IpNet::from(address));
    }
    text.parse()
        .map_err(|_error| "not a network; say 10.0.0.0/8, fd00::/8 or one address".to_owned())
}

/// A state of a socket, as the kernel or `ss` writes it, in any case: `TIME_WAIT`, `fin-wait-1`.
///
/// # Errors
///
/// Which ones there are, for clap to show.
pub fn state(text: &str) -> Result<TcpState, String> {
    // The stand-in NEW_SYN_RECV shows itself as SYN_RECV.
    let states = || (1..=11).filter_map(TcpState::from_kernel);
    let bare = |name: &str| name.to_ascii_uppercase().replace(['-', '_'], "");
    states()
        .find(|state| bare(state.name()) == bare(text))
        .ok_or_else(|| {
            let names: Vec<_> = states().map(TcpState::name).collect();
            format!("not a state; they are {}", names.join(", "))
        })
}

/// A cause, by its code.
#[must_use]
pub fn cause() -> impl TypedValueParser<Value = Cause> {
    PossibleValuesParser::new(Cause::ALL.iter().map(|cause| cause.code()))
        .map(|code| Cause::from_code(&code).unwrap_or(Cause::Unknown))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_known_by_any_spelling() {
        assert_eq!(state("TIME_WAIT"), Ok(TcpState::TimeWait));
        assert_eq!(state("fin-wait-1"), Ok(TcpState::FinWait1));
        assert_eq!(state("listen"), Ok(TcpState::Listen));
        assert!(state("open").unwrap_err().contains("CLOSE_WAIT"));
        assert!(state("").is_err());
    }

    #[test]
    fn times_take_units_and_seconds_are_the_default() {
        assert_eq!(duration("10"), Ok(Duration::from_secs(10)));
        assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("2m"), Ok(Duration::from_mins(2)));
        for wrong in ["", "s", "1d", "-1", "1e400", "1.2.3"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn memory_takes_binary_units_and_no_others() {
        assert_eq!(memory("1024KiB"), Ok(1 << 20));
        assert_eq!(memory("64 MiB"), Ok(64 << 20));
        for wrong in ["", "64", "64MB", "1KiB", "-1MiB", "99999999999999GiB"] {
            assert!(memory(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_name_the_kernel_would_cut_is_refused() {
        assert!(comm("fifteen-bytes-x").is_ok());
        assert!(comm("sixteen-bytes-xy").is_err());
        assert!(comm("").is_err());
    }

    #[test]
    fn an_address_is_a_network_of_one() {
        assert_eq!(net("10.1.2.3").unwrap().to_string(), "10.1.2.3/32");
        assert_eq!(net("fd00::/8").unwrap().to_string(), "fd00::/8");
        assert!(net("10.0.0.0/33").is_err());
        assert!(net("localhost").is_err());
    }
}
