//! Types of pcapng blocks, and the lengths they can have.

use crate::packet::file::{error::Damage, input::LARGEST};

/// The types of blocks that are looked into, and the others.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Section,
    Interface,
    /// Obsolete, but still met.
    Packet,
    SimplePacket,
    EnhancedPacket,
    Other(u32),
}

impl Kind {
    pub(super) const fn of(number: u32) -> Self {
        match number {
            0x0a0d_0d0a => Self::Section,
            1 => Self::Interface,
            2 => Self::Packet,
            3 => Self::SimplePacket,
            6 => Self::EnhancedPacket,
            other => Self::Other(other),
        }
    }

    const fn number(self) -> u32 {
        match self {
            Self::Section => 0x0a0d_0d0a,
            Self::Interface => 1,
            Self::Packet => 2,
            Self::SimplePacket => 3,
            Self::EnhancedPacket => 6,
            Self::Other(number) => number,
        }
    }

    /// Whether a block of this type can have a length.
    pub(super) const fn check(self, bytes: u32) -> Result<(), Damage> {
        let (least, most) = match self {
            Self::Section => (28, LARGEST),
            Self::Interface => (20, LARGEST),
            Self::SimplePacket => (16, LARGEST),
            Self::Packet | Self::EnhancedPacket => (32, LARGEST),
            Self::Other(_) => (12, u32::MAX),
        };
        if bytes < least || bytes > most || !bytes.is_multiple_of(4) {
            let kind = self.number();
            return Err(Damage::BlockLength { kind, bytes });
        }
        Ok(())
    }
}
