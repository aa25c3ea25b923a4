//! The framing of a ring buffer: a word before each record, which may be in the making, and may wrap.

use std::io;

/// `BPF_RINGBUF_BUSY_BIT`, `include/uapi/linux/bpf.h`: the record is being written.
const BUSY: u32 = 1 << 31;
/// `BPF_RINGBUF_DISCARD_BIT`: the record was given up.
const DISCARDED: u32 = 1 << 30;
/// `BPF_RINGBUF_HDR_SZ`: the word, and where the pages begin, which is the kernel's own.
const HEADER_BYTES: usize = 8;

/// What is found at a position.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Entry<'a> {
    /// A record as the kernel half sent it.
    Record(&'a [u8]),
    /// One it gave up.
    Discarded,
    /// One it is writing; what is behind it is not read before it.
    Busy,
}

/// Where the word of the record at position `at` lies in the data.
pub(super) fn place(data: &[u8], at: u64) -> Option<usize> {
    usize::try_from(at.checked_rem(u64::try_from(data.len()).ok()?)?).ok()
}

/// What is at position `at` of a buffer filled up to `end`, whose word is `word`; also where the next
/// one starts.
///
/// One that wraps is put together in `scratch`.
///
/// # Errors
///
/// The framing makes no sense: nothing behind this point can be read.
pub(super) fn next<'a>(
    data: &'a [u8],
    (at, end): (u64, u64),
    word: u32,
    scratch: &'a mut Vec<u8>,
) -> io::Result<(Entry<'a>, u64)> {
    if word & BUSY != 0 {
        return Ok((Entry::Busy, at));
    }
    let bytes = usize::try_from(word & !DISCARDED).unwrap_or(usize::MAX);
    let whole = bytes
        .saturating_add(HEADER_BYTES)
        .checked_next_multiple_of(8);
    let available = usize::try_from(end.wrapping_sub(at)).unwrap_or(usize::MAX);
    let whole = whole
        .filter(|whole| *whole <= available.min(data.len()))
        .and_then(|whole| u64::try_from(whole).ok());
    let (Some(whole), Some(start)) = (whole, place(data, at)) else {
        let told = format!("ring buffer: a record of impossible size at position {at}");
        return Err(io::Error::new(io::ErrorKind::InvalidData, told));
    };
    let next = at.wrapping_add(whole);
    if word & DISCARDED != 0 {
        return Ok((Entry::Discarded, next));
    }
    let (wrapped, straight) = data.split_at_checked(start).unwrap_or_default();
    let record = straight.get(HEADER_BYTES..HEADER_BYTES + bytes);
    if record.is_none() {
        scratch.clear();
        let parts = straight.iter().chain(wrapped);
        scratch.extend(parts.skip(HEADER_BYTES).take(bytes));
    }
    Ok((Entry::Record(record.unwrap_or(scratch)), next))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Puts records into a ring of 4096 bytes at `start`; also where they end.
    fn ring(start: u64, records: &[(u32, Vec<u8>)]) -> (Vec<u8>, u64) {
        let (mut ring, mut end) = (vec![0; 4096], start);
        for (bits, raw) in records {
            let word = u32::try_from(raw.len()).unwrap() | bits;
            let mut bytes = word.to_ne_bytes().to_vec();
            bytes.extend([9; 4]);
            bytes.extend(raw);
            bytes.resize(bytes.len().next_multiple_of(8), 0);
            for byte in bytes {
                let at = place(&ring, end).unwrap();
                ring[at] = byte;
                end += 1;
            }
        }
        (ring, end)
    }

    fn word(ring: &[u8], at: u64) -> u32 {
        let start = place(ring, at).unwrap();
        u32::from_ne_bytes(*ring[start..].first_chunk().unwrap())
    }

    /// Reads as many records as there are.
    fn read_back(ring: &[u8], mut at: u64, end: u64) -> Vec<Vec<u8>> {
        let (mut scratch, mut seen) = (Vec::new(), Vec::new());
        while at != end {
            let word = word(ring, at);
            let (entry, next) = next(ring, (at, end), word, &mut scratch).unwrap();
            match entry {
                Entry::Record(bytes) => seen.push(bytes.to_vec()),
                Entry::Discarded => {}
                Entry::Busy => break,
            }
            at = next;
        }
        seen
    }

    #[test]
    fn records_come_out_as_they_went_in_wherever_they_wrap() {
        let records = [vec![1; 80], vec![2; 235], vec![3; 104]];
        let framed = records.clone().map(|raw| (0, raw));
        for start in (0..4096).step_by(8) {
            let (ring, end) = ring(start, &framed);
            assert_eq!(read_back(&ring, start, end), records, "start {start}");
        }
    }

    #[test]
    fn what_was_given_up_is_passed_over_and_what_is_being_written_is_waited_for() {
        let records = [
            (DISCARDED, vec![1; 40]),
            (0, vec![2; 40]),
            (BUSY, vec![3; 40]),
            (0, vec![4; 40]),
        ];
        let (ring, end) = ring(4000, &records);
        assert_eq!(read_back(&ring, 4000, end), [vec![2; 40]]);
    }

    #[test]
    fn a_record_of_impossible_size_is_an_error() {
        let ring = vec![0; 4096];
        for word in [57, 5_000, u32::MAX >> 2] {
            assert!(
                next(&ring, (0, 64), word, &mut Vec::new()).is_err(),
                "{word}"
            );
        }
        assert!(next(&[], (0, 64), 0, &mut Vec::new()).is_err());
    }
}
