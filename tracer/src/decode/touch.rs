//! Touches off the map they are kept in: who, how, and the stack as a record of its own.

use tracer_common::{event::Header, touch::Touch as Wire};
use zerocopy::{FromBytes as _, IntoBytes as _};

use super::{DecodeError, decode, task::task};
use crate::model::{observation::What, process::Task, stack::Taken, time::MonoNs};

/// The last call that sent or received on a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touch {
    /// When it was.
    pub at: MonoNs,
    /// Whoever called.
    pub task: Task,
    /// Whether it received.
    pub received: bool,
    /// How it came about, and which socket it was.
    pub stack: Box<Taken>,
}

/// Reads a value of the map.
///
/// # Errors
///
/// [`DecodeError`]: the value is none of this build's.
pub fn touch(value: &[u8]) -> Result<Touch, DecodeError> {
    let truncated = DecodeError::Truncated { len: value.len() };
    let wire = Wire::read_from_bytes(value).map_err(|_other| truncated)?;
    let header: Header = wire.stack.header;
    let whole = [wire.stack.as_bytes(), &wire.rest].concat();
    let record = whole.get(..usize::from(header.size)).ok_or(truncated)?;
    let What::Stack(stack) = decode(record)?.what else {
        return Err(DecodeError::Kind { kind: header.kind });
    };
    Ok(Touch {
        at: MonoNs(header.at_ns),
        task: task(&header, &wire.task),
        received: wire.received != 0,
        stack,
    })
}

#[cfg(test)]
mod tests {
    use tracer_common::event::{Kind, Record as _, Stack, context};
    use zerocopy::FromZeros as _;

    use super::*;
    use crate::model::stack::Addresses;

    fn wire() -> Wire {
        let mut wire = Wire::new_zeroed();
        wire.received = 1;
        wire.task.goroutine = 7;
        wire.stack.header.kind = Kind::Stack.to_wire();
        wire.stack.header.context = context::TASK;
        wire.stack.header.at_ns = 5;
        wire.stack.header.size = Stack::SIZE + 16;
        wire.stack.asked = Stack::USER;
        wire.stack.user = 16;
        wire.rest[0] = 9;
        wire.rest[8] = 8;
        wire
    }

    #[test]
    fn a_touch_says_who_and_how_and_from_where() {
        let told = touch(wire().as_bytes()).unwrap();
        assert_eq!(
            (told.at, told.task.goroutine, told.received),
            (MonoNs(5), Some(7), true)
        );
        assert_eq!(told.stack.user, Addresses::Frames(vec![9, 8]));
    }

    #[test]
    fn what_is_no_touch_is_refused() {
        assert!(touch(&[]).is_err());
        let mut other = wire();
        other.stack.header.kind = Kind::CloseCalled.to_wire();
        assert!(touch(other.as_bytes()).is_err());
        for size in [0, Stack::SIZE - 1, u16::MAX] {
            let mut wrong = wire();
            wrong.stack.header.size = size;
            assert!(touch(wrong.as_bytes()).is_err(), "{size}");
        }
    }
}
