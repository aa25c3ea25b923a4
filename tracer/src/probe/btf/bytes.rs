//! Numbers out of a byte buffer, in this machine's order; past the end is an error.

use super::error::BtfError;

/// One byte.
pub(super) fn u8_at(buffer: &[u8], offset: usize, what: &'static str) -> Result<u8, BtfError> {
    array_at::<1>(buffer, offset, what).map(|[byte]| byte)
}

/// Two bytes.
pub(super) fn u16_at(buffer: &[u8], offset: usize, what: &'static str) -> Result<u16, BtfError> {
    array_at(buffer, offset, what).map(u16::from_ne_bytes)
}

/// Four bytes.
pub(super) fn u32_at(buffer: &[u8], offset: usize, what: &'static str) -> Result<u32, BtfError> {
    array_at(buffer, offset, what).map(u32::from_ne_bytes)
}

fn array_at<const N: usize>(
    buffer: &[u8],
    offset: usize,
    what: &'static str,
) -> Result<[u8; N], BtfError> {
    buffer
        .get(offset..)
        .and_then(|rest| rest.first_chunk())
        .copied()
        .ok_or(BtfError::Truncated {
            what,
            offset,
            length: N,
        })
}

/// A 32-bit number as an index; on a machine too small for it, an index past every end.
pub(super) fn index(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}
