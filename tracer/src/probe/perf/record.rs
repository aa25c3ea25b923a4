//! The framing of a perf buffer: headers, samples that may wrap, loss notices.

use std::io;

use bytes::BytesMut;
use tracer_common::event::Header;
use zerocopy::FromBytes;

/// `PERF_RECORD_SAMPLE`, `include/uapi/linux/perf_event.h`.
const SAMPLE: u32 = 9;
/// `struct perf_event_header`: type, misc, size.
const HEADER_BYTES: usize = 8;
/// Length of the raw sample that follows the header of a sample.
const LENGTH_BYTES: usize = 4;

/// One thing found in a buffer.
#[derive(Debug, PartialEq, Eq)]
pub enum Entry<'a> {
    /// A record as the kernel half sent it, without the padding perf adds.
    Sample(&'a [u8]),
    /// Something else: loss notices come here, but the kernel half's counters are exact.
    Other,
}

/// Reads the entry at position `at` of a buffer filled up to `end`; also where the next one starts.
///
/// An entry that wraps is put together in `scratch`.
///
/// # Errors
///
/// The framing makes no sense: nothing behind this point can be read.
pub(super) fn next<'a>(
    data: &'a [u8],
    at: u64,
    end: u64,
    scratch: &'a mut BytesMut,
) -> io::Result<(Entry<'a>, u64)> {
    let damaged = |what: &str| {
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!("perf buffer: {what} at position {at}"),
        )
    };
    let available = usize::try_from(end.wrapping_sub(at))
        .unwrap_or(usize::MAX)
        .min(data.len());
    let mut header = [0; HEADER_BYTES];
    copy(data, at, &mut header);
    let [t0, t1, t2, t3, _, _, s0, s1] = header;
    let size = usize::from(u16::from_ne_bytes([s0, s1]));
    if size < HEADER_BYTES || size > available {
        return Err(damaged("an entry of impossible size"));
    }
    let next = at.wrapping_add(u64::from(u16::from_ne_bytes([s0, s1])));
    if u32::from_ne_bytes([t0, t1, t2, t3]) != SAMPLE {
        return Ok((Entry::Other, next));
    }
    let start = place(data, at).unwrap_or(0);
    let whole = if let Some(whole) = data.get(start..start + size) {
        whole
    } else {
        scratch.resize(size, 0);
        copy(data, at, scratch);
        &*scratch
    };
    let body = whole.get(HEADER_BYTES..).unwrap_or_default();
    let (length, raw) = body
        .split_first_chunk::<LENGTH_BYTES>()
        .ok_or_else(|| damaged("a sample without a length"))?;
    let length = usize::try_from(u32::from_ne_bytes(*length)).unwrap_or(usize::MAX);
    let raw = raw
        .get(..length)
        .ok_or_else(|| damaged("a sample longer than its entry"))?;
    Ok((Entry::Sample(without_padding(raw)), next))
}

/// Perf pads samples so that their entries end on eight bytes; the record knows its own size.
fn without_padding(raw: &[u8]) -> &[u8] {
    let Ok((header, _)) = Header::read_from_prefix(raw) else {
        return raw;
    };
    raw.get(..usize::from(header.size)).unwrap_or(raw)
}

/// Copies from a position of the ring, wrapping at its end.
fn copy(data: &[u8], at: u64, into: &mut [u8]) {
    let Some(start) = place(data, at) else { return };
    let (wrapped, straight) = data.split_at_checked(start).unwrap_or_default();
    for (to, from) in into.iter_mut().zip(straight.iter().chain(wrapped)) {
        *to = *from;
    }
}

/// Where a position lies in the ring; `None` for an empty ring.
fn place(data: &[u8], at: u64) -> Option<usize> {
    usize::try_from(at.checked_rem(u64::try_from(data.len()).ok()?)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(kind: u32, raw: &[u8]) -> Vec<u8> {
        let mut bytes = kind.to_ne_bytes().to_vec();
        let padded = (raw.len() + 4).next_multiple_of(8);
        bytes.extend([0, 0]);
        bytes.extend(u16::try_from(8 + padded).unwrap().to_ne_bytes());
        bytes.extend(u32::try_from(padded - 4).unwrap().to_ne_bytes());
        bytes.extend(raw);
        bytes.resize(8 + padded, 0);
        bytes
    }

    /// Puts entries into a ring of 4096 bytes at `start` and reads them back.
    fn read_back(start: u64, entries: &[Vec<u8>]) -> Vec<Vec<u8>> {
        let mut ring = vec![0; 4096];
        let mut end = start;
        for byte in entries.concat() {
            let place = usize::try_from(end % 4096).unwrap();
            ring[place] = byte;
            end += 1;
        }
        let (mut at, mut scratch, mut seen) = (start, BytesMut::new(), Vec::new());
        while at != end {
            let (entry, next) = next(&ring, at, end, &mut scratch).unwrap();
            if let Entry::Sample(bytes) = entry {
                seen.push(bytes.to_vec());
            }
            at = next;
        }
        seen
    }

    fn record(size: u16) -> Vec<u8> {
        let mut bytes = vec![7; usize::from(size)];
        bytes[18..20].copy_from_slice(&size.to_ne_bytes());
        bytes
    }

    #[test]
    fn samples_come_out_as_they_went_in_wherever_they_wrap() {
        let records = [record(80), record(232), record(104)];
        let entries: Vec<_> = records.iter().map(|raw| entry(SAMPLE, raw)).collect();
        for start in 0..4096 {
            assert_eq!(read_back(start, &entries), records, "start {start}");
        }
    }

    #[test]
    fn what_is_no_sample_is_passed_over() {
        let entries = [entry(2, &[0; 16]), entry(SAMPLE, &record(80))];
        assert_eq!(read_back(4000, &entries), [record(80)]);
    }

    #[test]
    fn an_entry_of_impossible_size_is_an_error() {
        let mut scratch = BytesMut::new();
        for size in [0_u16, 7, 100] {
            let mut ring = vec![0; 4096];
            ring[0..4].copy_from_slice(&SAMPLE.to_ne_bytes());
            ring[6..8].copy_from_slice(&size.to_ne_bytes());
            assert!(next(&ring, 0, 64, &mut scratch).is_err(), "{size}");
        }
    }
}
