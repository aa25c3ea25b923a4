//! Which bytes cannot be in a string as they are: RFC 8259, section 7.

/// Whether a byte cannot be in a string as it is.
const fn is_special(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// Whether one of the bytes is special: eight are looked at at once, some of the last ones twice.
pub(super) fn has_special(bytes: &[u8]) -> bool {
    let Some(last) = bytes.last_chunk::<8>() else {
        return bytes.iter().any(|&byte| is_special(byte));
    };
    let (eights, _) = bytes.as_chunks::<8>();
    let last = special(u64::from_ne_bytes(*last));
    let all = |found, eight: &[u8; 8]| found | special(u64::from_ne_bytes(*eight));
    eights.iter().fold(last, all) != 0
}

/// The high bits of special bytes, and perhaps of those behind one: none where none is.
const fn special(eight: u64) -> u64 {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = ONES << 7;
    // `x - 1` borrows from the high bit of a byte that is zero, `x - 32` of one below 32.
    let quote = eight ^ (ONES * 0x22);
    let backslash = eight ^ (ONES * 0x5c);
    let below = eight.wrapping_sub(ONES * 0x20) & !eight;
    let quote = quote.wrapping_sub(ONES) & !quote;
    let backslash = backslash.wrapping_sub(ONES) & !backslash;
    (below | quote | backslash) & HIGH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_found_wherever_it_is() {
        for length in 0..40 {
            for place in 0..length {
                for byte in 0..=u8::MAX {
                    let mut bytes = vec![b'x'; length];
                    bytes[place] = byte;
                    assert_eq!(has_special(&bytes), is_special(byte), "{byte} at {place}");
                }
            }
        }
    }
}
