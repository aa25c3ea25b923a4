//! The older format: one header, then packets (draft-ietf-opsawg-pcap).

use std::io::Read;

use super::{
    FileError, Interface, Located, Step,
    error::Damage,
    input::{Input, LARGEST},
    numbers::{Order, Ticks},
};
use crate::{model::segment::Direction, packet::link::Link};

/// How the numbers of a file are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    order: Order,
    ticks: Ticks,
}

/// Reads the header of the file, which begins with `magic`.
pub(super) fn open<R: Read>(
    input: &mut Input<R>,
    magic: [u8; 4],
) -> Result<(Layout, Interface), FileError> {
    let (order, ticks) = match magic {
        [0xd4, 0xc3, 0xb2, 0xa1] => (Order::Little, Ticks::MICROSECONDS),
        [0xa1, 0xb2, 0xc3, 0xd4] => (Order::Big, Ticks::MICROSECONDS),
        [0x4d, 0x3c, 0xb2, 0xa1] => (Order::Little, Ticks::NANOSECONDS),
        [0xa1, 0xb2, 0x3c, 0x4d] => (Order::Big, Ticks::NANOSECONDS),
        _ => {
            return Err(FileError::NotACapture {
                magic: magic.to_vec(),
            });
        }
    };
    let cut = FileError::Cut { offset: 0 };
    let header = input.head::<24>()?.ok_or(cut)?;
    let [_, _, _, _, v0, v1, .., s0, s1, s2, s3, l0, l1, l2, l3] = header;
    let major = order.u16([v0, v1]);
    if major != 2 {
        return Err(FileError::Damaged {
            offset: 0,
            damage: Damage::Version { major },
        });
    }
    // The upper half tells of frame check sequences.
    let link = order.u32([l0, l1, l2, l3]) & 0xffff;
    let interface = Interface {
        name: None,
        link: Link::of(u16::try_from(link).unwrap_or(u16::MAX)),
        limit_bytes: order.u32([s0, s1, s2, s3]),
        ticks,
    };
    Ok((Layout { order, ticks }, interface))
}

/// Reads one packet.
pub(super) fn step<R: Read>(input: &mut Input<R>, layout: Layout) -> Result<Step, FileError> {
    let offset = input.offset();
    let Some(header) = input.head::<16>()? else {
        return Ok(Step::End);
    };
    let [
        t0,
        t1,
        t2,
        t3,
        f0,
        f1,
        f2,
        f3,
        c0,
        c1,
        c2,
        c3,
        o0,
        o1,
        o2,
        o3,
    ] = header;
    let captured = layout.order.u32([c0, c1, c2, c3]);
    if captured > LARGEST {
        let damage = Damage::PacketLength {
            bytes: captured,
            room: LARGEST,
        };
        return Err(FileError::Damaged { offset, damage });
    }
    input.body(captured)?;
    let per_second = u64::try_from(layout.ticks.per_second()).unwrap_or(0);
    let ticks = u64::from(layout.order.u32([t0, t1, t2, t3])) * per_second
        + u64::from(layout.order.u32([f0, f1, f2, f3]));
    Ok(Step::Packet(Located {
        interface: 0,
        ticks: Some(ticks),
        direction: Direction::Unknown,
        bytes: 0..input.buffer().len(),
        original_bytes: layout.order.u32([o0, o1, o2, o3]),
    }))
}
