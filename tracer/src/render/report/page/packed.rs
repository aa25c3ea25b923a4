//! Data as text that ends no element and needs no escapes: deflated (zlib, RFC 1950), in base64
//! (RFC 4648). Browsers unpack both by themselves.

use std::io::{self, Write};

use flate2::{Compression, write::ZlibEncoder};

const DIGITS: [u8; 64] = *b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Bytes that are written at once: a multiple of three.
const PIECE: usize = 3 << 12;

/// Writes some data.
pub(super) fn write(data: &[u8], out: &mut dyn Write) -> io::Result<()> {
    let mut deflated = ZlibEncoder::new(Vec::new(), Compression::default());
    deflated.write_all(data)?;
    let deflated = deflated.finish()?;
    let mut text = Vec::with_capacity(PIECE / 3 * 4);
    for piece in deflated.chunks(PIECE) {
        text.clear();
        encode(piece, &mut text);
        out.write_all(&text)?;
    }
    Ok(())
}

fn encode(bytes: &[u8], text: &mut Vec<u8>) {
    for group in bytes.chunks(3) {
        let byte = |place| group.get(place).copied().map_or(0, u32::from);
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        let digits = [bits >> 18, bits >> 12, bits >> 6, bits].map(|it| digit(it & 0x3f));
        let told = digits.into_iter().take(group.len() + 1);
        text.extend(told);
        text.extend(std::iter::repeat_n(b'=', 3 - group.len()));
    }
}

fn digit(place: u32) -> u8 {
    let place = usize::try_from(place).unwrap_or(0);
    DIGITS.get(place).copied().unwrap_or(b'A')
}

#[cfg(test)]
pub(in crate::render::report) mod tests {
    use std::io::Read as _;

    use proptest::prelude::*;

    use super::*;

    fn encoded(bytes: &[u8]) -> String {
        let mut text = Vec::new();
        encode(bytes, &mut text);
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn the_examples_of_the_rfc_come_out() {
        let cases = ["", "f", "fo", "foo", "foob", "fooba", "foobar"];
        let told = [
            "", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy",
        ];
        assert_eq!(cases.map(|it| encoded(it.as_bytes())), told);
    }

    /// The other way round.
    pub(in crate::render::report) fn decoded(text: &[u8]) -> Vec<u8> {
        let place = |it: &u8| DIGITS.iter().position(|digit| digit == it).unwrap();
        let mut bits = text.iter().filter(|it| **it != b'=').map(place);
        let mut bytes = Vec::new();
        while let Some(first) = bits.next() {
            let group = [Some(first), bits.next(), bits.next(), bits.next()];
            let sum = group.iter().fold(0, |sum, it| sum << 6 | it.unwrap_or(0));
            let count = group.iter().flatten().count() - 1;
            bytes.extend((0..count).map(|at| u8::try_from(sum >> (16 - 8 * at) & 0xff).unwrap()));
        }
        bytes
    }

    proptest! {
        #[test]
        fn what_was_packed_comes_back_and_ends_no_element(data in prop::collection::vec(any::<u8>(), 0..40_000)) {
            let mut text = Vec::new();
            write(&data, &mut text).unwrap();
            prop_assert!(text.iter().all(|it| it.is_ascii_alphanumeric() || b"+/=".contains(it)));
            let mut unpacked = Vec::new();
            let deflated = decoded(&text);
            flate2::read::ZlibDecoder::new(&deflated[..]).read_to_end(&mut unpacked).unwrap();
            prop_assert_eq!(unpacked, data);
        }
    }
}
