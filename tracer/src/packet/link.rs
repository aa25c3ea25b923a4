//! What a captured frame begins with, by its number in the registry of link types.
//!
//! The numbers are those of <https://www.tcpdump.org/linktypes.html>.

/// A link type whose frames finrst reads, or one it does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Link {
    /// BSD loopback, address family in the byte order of the machine that captured: 0.
    Null,
    /// Ethernet: 1.
    Ethernet,
    /// IPv4 or IPv6, without anything before it: 101, and 12 and 14 as some systems wrote it.
    Raw,
    /// BSD loopback, address family in network byte order: 108.
    Loop,
    /// Linux "cooked" capture: 113.
    Sll,
    /// IPv4: 228.
    Ipv4,
    /// IPv6: 229.
    Ipv6,
    /// Linux "cooked" capture, version 2, which names the device: 276.
    Sll2,
    /// Any other.
    Unknown(u16),
}

impl Link {
    /// The link type of a number.
    #[must_use]
    pub const fn of(number: u16) -> Self {
        match number {
            0 => Self::Null,
            1 => Self::Ethernet,
            12 | 14 | 101 => Self::Raw,
            108 => Self::Loop,
            113 => Self::Sll,
            228 => Self::Ipv4,
            229 => Self::Ipv6,
            276 => Self::Sll2,
            other => Self::Unknown(other),
        }
    }

    /// The number of a link type.
    #[must_use]
    pub const fn number(self) -> u16 {
        match self {
            Self::Null => 0,
            Self::Ethernet => 1,
            Self::Raw => 101,
            Self::Loop => 108,
            Self::Sll => 113,
            Self::Ipv4 => 228,
            Self::Ipv6 => 229,
            Self::Sll2 => 276,
            Self::Unknown(number) => number,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_type_keeps_its_number_but_the_two_old_ones_of_raw_packets() {
        for number in 0..=u16::MAX {
            let expected = if matches!(number, 12 | 14) {
                101
            } else {
                number
            };
            assert_eq!(Link::of(number).number(), expected);
        }
    }
}
