//! Few bytes, copied without a call: most of what a line is made of is shorter than one costs.

/// Copies `from`, into a place of the same length; up to 32 bytes as two pieces of a known size that
/// overlap.
#[inline(always)]
pub(super) fn copy(from: &[u8], to: &mut [u8]) {
    match from.len() {
        0 => {}
        1 => both::<1>(from, to),
        2..=4 => both::<2>(from, to),
        5..=8 => both::<4>(from, to),
        9..=16 => both::<8>(from, to),
        17..=32 => both::<16>(from, to),
        _ => to.copy_from_slice(from),
    }
}

/// Copies between `N` and twice as many bytes: the first `N` and the last `N`.
#[inline(always)]
fn both<const N: usize>(from: &[u8], to: &mut [u8]) {
    if let (Some(bytes), Some(place)) = (from.first_chunk::<N>(), to.first_chunk_mut::<N>()) {
        *place = *bytes;
    }
    if let (Some(bytes), Some(place)) = (from.last_chunk::<N>(), to.last_chunk_mut::<N>()) {
        *place = *bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_copied_is_what_was_given() {
        let bytes: Vec<u8> = (1..80).collect();
        for length in 0..=bytes.len() {
            let mut to = vec![0; length];
            copy(&bytes[..length], &mut to);
            assert_eq!(to, bytes[..length], "{length}");
        }
    }
}
