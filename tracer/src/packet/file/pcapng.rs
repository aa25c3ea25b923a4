//! The newer format: sections of blocks (draft-ietf-opsawg-pcapng).

mod kind;

use std::io::Read;

use super::{
    FileError, INTERFACES, Interface, Located, Step,
    error::Damage,
    input::Input,
    numbers::{Order, Ticks},
    options,
};
use crate::{model::segment::Direction, packet::link::Link};
use kind::Kind;

/// The type of a section's first block, the same in either byte order.
pub(super) const SECTION_HEADER: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

const IF_NAME: u16 = 2;
const EPB_FLAGS: u16 = 2;
const IF_TSRESOL: u16 = 9;
const IF_TSOFFSET: u16 = 14;

/// What holds for all blocks until the next section.
#[derive(Debug, Default)]
pub(super) struct Section {
    order: Order,
    /// Interfaces of earlier sections: numbers start again in each.
    earlier: usize,
}

/// What a block was.
pub(super) enum Block {
    Packet(Located),
    Described,
    Skipped,
    End,
}

impl From<Block> for Step {
    fn from(block: Block) -> Self {
        match block {
            Block::Packet(located) => Self::Packet(located),
            Block::Described | Block::Skipped => Self::Other,
            Block::End => Self::End,
        }
    }
}

/// Reads one block.
pub(super) fn step<R: Read>(
    input: &mut Input<R>,
    section: &mut Section,
    interfaces: &mut Vec<Interface>,
) -> Result<Block, FileError> {
    let offset = input.offset();
    let damaged = |damage| FileError::Damaged { offset, damage };
    let Some([k0, k1, k2, k3, length @ ..]) = input.head::<8>()? else {
        return Ok(Block::End);
    };
    let mut read = 8;
    if [k0, k1, k2, k3] == SECTION_HEADER {
        let mark = input.head::<4>()?.ok_or(FileError::Cut { offset })?;
        section.order = byte_order(mark).map_err(damaged)?;
        section.earlier = interfaces.len();
        read += 4;
    }
    let kind = Kind::of(section.order.u32([k0, k1, k2, k3]));
    let length = section.order.u32(length);
    kind.check(length).map_err(damaged)?;
    let rest = length.saturating_sub(read);
    if let Kind::Other(_) = kind {
        input.pass(rest.saturating_sub(4))?;
        let last = input.head::<4>()?.ok_or(FileError::Cut { offset })?;
        same(length, section.order.u32(last)).map_err(damaged)?;
        return Ok(Block::Skipped);
    }
    input.body(rest)?;
    let Some((body, last)) = input.buffer().split_last_chunk() else {
        return Err(FileError::Cut { offset });
    };
    same(length, section.order.u32(*last)).map_err(damaged)?;
    section.understand(kind, body, interfaces).map_err(damaged)
}

impl Section {
    /// Takes in what is between the two lengths of a block.
    fn understand(
        &self,
        kind: Kind,
        body: &[u8],
        interfaces: &mut Vec<Interface>,
    ) -> Result<Block, Damage> {
        let located = match kind {
            Kind::Section => {
                let major = body.first_chunk().map_or(0, |major| self.order.u16(*major));
                return if major == 1 {
                    Ok(Block::Described)
                } else {
                    Err(Damage::Version { major })
                };
            }
            Kind::Interface => {
                if interfaces.len() >= INTERFACES {
                    return Err(Damage::Interfaces { limit: INTERFACES });
                }
                interfaces.push(self.interface(body)?);
                return Ok(Block::Described);
            }
            Kind::Packet => self.packet(body, true)?,
            Kind::EnhancedPacket => self.packet(body, false)?,
            Kind::SimplePacket => self.simple_packet(body, interfaces)?,
            Kind::Other(_) => return Ok(Block::Skipped),
        };
        if located.interface < interfaces.len() {
            return Ok(Block::Packet(located));
        }
        let number = located.interface.saturating_sub(self.earlier);
        Err(Damage::Interface {
            number: u32::try_from(number).unwrap_or(u32::MAX),
        })
    }

    /// Interface Description Block: link type, reserved, limit, options.
    fn interface(&self, body: &[u8]) -> Result<Interface, Damage> {
        let Some((&[l0, l1, _, _, s0, s1, s2, s3], options)) = body.split_first_chunk() else {
            return Err(Damage::Option);
        };
        let (mut name, mut resolution, mut start) = (None, 6, 0);
        for option in options::each(self.order, options) {
            let (code, value) = option?;
            match (code, value) {
                (IF_NAME, name_bytes) => {
                    let shown = String::from_utf8_lossy(name_bytes);
                    name = Some(shown.trim_end_matches('\0').to_owned());
                }
                (IF_TSRESOL, &[value]) => resolution = value,
                (IF_TSOFFSET, &[v0, v1, v2, v3, v4, v5, v6, v7]) => {
                    start = self.order.i64([v0, v1, v2, v3, v4, v5, v6, v7]);
                }
                _ => {}
            }
        }
        Ok(Interface {
            name,
            link: Link::of(self.order.u16([l0, l1])),
            limit_bytes: self.order.u32([s0, s1, s2, s3]),
            ticks: Ticks::new(resolution, start).ok_or(Damage::Resolution { resolution })?,
        })
    }

    /// Enhanced Packet Block, or the obsolete one, which has a count of drops beside the interface.
    fn packet(&self, body: &[u8], obsolete: bool) -> Result<Located, Damage> {
        let Some((head, data)) = body.split_first_chunk::<20>() else {
            return Err(Damage::Option);
        };
        let &[
            i0,
            i1,
            i2,
            i3,
            h0,
            h1,
            h2,
            h3,
            l0,
            l1,
            l2,
            l3,
            c0,
            c1,
            c2,
            c3,
            o0,
            o1,
            o2,
            o3,
        ] = head;
        let number = if obsolete {
            u32::from(self.order.u16([i0, i1]))
        } else {
            self.order.u32([i0, i1, i2, i3])
        };
        let high = u64::from(self.order.u32([h0, h1, h2, h3]));
        let low = u64::from(self.order.u32([l0, l1, l2, l3]));
        let captured = self.order.u32([c0, c1, c2, c3]);
        let bytes = usize::try_from(captured).unwrap_or(usize::MAX);
        if bytes > data.len() {
            return Err(Damage::PacketLength {
                bytes: captured,
                room: u32::try_from(data.len()).unwrap_or(u32::MAX),
            });
        }
        let options = data.get(bytes.next_multiple_of(4)..).unwrap_or_default();
        Ok(Located {
            interface: self.place(number),
            ticks: Some((high << 32) | low),
            direction: self.direction(options),
            bytes: 20..20 + bytes,
            original_bytes: self.order.u32([o0, o1, o2, o3]),
        })
    }

    /// Simple Packet Block: of the section's first interface, and without a time.
    fn simple_packet(&self, body: &[u8], interfaces: &[Interface]) -> Result<Located, Damage> {
        let Some((original, data)) = body.split_first_chunk() else {
            return Err(Damage::Option);
        };
        let original = self.order.u32(*original);
        let limit = interfaces
            .get(self.earlier)
            .map_or(0, |first| first.limit_bytes);
        let captured = if limit == 0 {
            original
        } else {
            original.min(limit)
        };
        let bytes = usize::try_from(captured).unwrap_or(usize::MAX);
        if bytes > data.len() {
            return Err(Damage::PacketLength {
                bytes: captured,
                room: u32::try_from(data.len()).unwrap_or(u32::MAX),
            });
        }
        Ok(Located {
            interface: self.earlier,
            ticks: None,
            direction: Direction::Unknown,
            bytes: 4..4 + bytes,
            original_bytes: original,
        })
    }

    /// By the option `epb_flags`; options that make no sense are not needed and ignored.
    fn direction(&self, options: &[u8]) -> Direction {
        let flags = options::each(self.order, options)
            .map_while(Result::ok)
            .find_map(|(code, value)| match value {
                &[f0, f1, f2, f3] if code == EPB_FLAGS => Some(self.order.u32([f0, f1, f2, f3])),
                _ => None,
            });
        match flags.unwrap_or(0) & 3 {
            1 => Direction::Received,
            2 => Direction::Transmitted,
            _ => Direction::Unknown,
        }
    }

    /// The number of an interface over all sections.
    fn place(&self, number: u32) -> usize {
        let number = usize::try_from(number).unwrap_or(usize::MAX);
        self.earlier.saturating_add(number)
    }
}

fn byte_order(mark: [u8; 4]) -> Result<Order, Damage> {
    match mark {
        [0x1a, 0x2b, 0x3c, 0x4d] => Ok(Order::Big),
        [0x4d, 0x3c, 0x2b, 0x1a] => Ok(Order::Little),
        _ => Err(Damage::ByteOrder { mark }),
    }
}

const fn same(first: u32, last: u32) -> Result<(), Damage> {
    if first == last {
        Ok(())
    } else {
        Err(Damage::Trailer { first, last })
    }
}
