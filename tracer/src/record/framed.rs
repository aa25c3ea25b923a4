//! Entries one behind the other, as a chunk holds them.

use std::io;

use super::{ENTRY_HEAD, Entry, PAYLOAD, PayloadError};

/// Appends an entry with its head.
///
/// # Errors
///
/// `InvalidData` for a payload that is longer than a reader takes: `chunk` is as it was then.
pub fn append(chunk: &mut Vec<u8>, entry: &Entry<'_>) -> io::Result<()> {
    let begin = chunk.len();
    let appended = append_at(chunk, begin, entry);
    if appended.is_err() {
        chunk.truncate(begin);
    }
    appended
}

fn append_at(chunk: &mut Vec<u8>, begin: usize, entry: &Entry<'_>) -> io::Result<()> {
    chunk.extend_from_slice(&entry.kind().to_le_bytes());
    chunk.extend_from_slice(&[0; 4]);
    entry.write_payload(chunk)?;
    let bytes = chunk.len() - begin - ENTRY_HEAD;
    let size = u32::try_from(bytes).ok().filter(|_| bytes <= PAYLOAD);
    let size = size.ok_or_else(|| {
        let what = format!("an entry of {bytes} bytes, and {PAYLOAD} are the most");
        io::Error::new(io::ErrorKind::InvalidData, what)
    })?;
    if let Some(place) = chunk.get_mut(begin + 2..begin + ENTRY_HEAD) {
        place.copy_from_slice(&size.to_le_bytes());
    }
    Ok(())
}

/// The entries that [`append`] put into a chunk; ends at bytes that are none.
pub fn entries(mut chunk: &[u8]) -> impl Iterator<Item = Result<Entry<'_>, PayloadError>> {
    std::iter::from_fn(move || {
        let (kind, payload, rest) = split(chunk)?;
        chunk = rest;
        Some(Entry::read(kind, payload))
    })
}

/// The kind and the payload of the first entry, and what is behind it.
fn split(chunk: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let (&[k0, k1, s0, s1, s2, s3], rest) = chunk.split_first_chunk::<ENTRY_HEAD>()?;
    let size = usize::try_from(u32::from_le_bytes([s0, s1, s2, s3])).ok()?;
    let (payload, rest) = rest.split_at_checked(size)?;
    let kind = u16::from_le_bytes([k0, k1]);
    Entry::knows(kind).then_some((kind, payload, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::{MonoNs, Reached};

    #[test]
    fn entries_come_back_in_their_order() {
        let put = [
            Entry::Record(b"abc"),
            Entry::Turn(Reached::records(MonoNs(7))),
            Entry::Record(b""),
        ];
        let mut chunk = Vec::new();
        for entry in &put {
            append(&mut chunk, entry).unwrap();
        }
        let back: Vec<_> = entries(&chunk).map(Result::unwrap).collect();
        assert_eq!(back, put);
        let cut = chunk.get(..chunk.len() - 1).unwrap();
        assert_eq!(entries(cut).count(), 2);
    }

    #[test]
    fn an_entry_that_is_too_long_leaves_the_chunk_as_it_was() {
        let mut chunk = b"before".to_vec();
        let long = vec![0; PAYLOAD + 1];
        assert!(append(&mut chunk, &Entry::Record(&long)).is_err());
        assert_eq!(chunk, b"before");
    }
}
