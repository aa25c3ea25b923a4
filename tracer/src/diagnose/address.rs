//! Addresses in sentences: nearly every one has one.

use std::{fmt, net::SocketAddr};

/// Bytes of `255.255.255.255:65535`.
const LONGEST: usize = 21;

/// An address and its port as the standard library shows them; of IPv4 in one piece, where that
/// formats five numbers.
pub(super) fn address(address: SocketAddr) -> impl fmt::Display {
    fmt::from_fn(move |f| {
        let SocketAddr::V4(ipv4) = address else {
            return write!(f, "{address}");
        };
        let mut text = [0; LONGEST];
        let mut places = text.iter_mut();
        let mut put = |byte: u16| {
            if let Some(place) = places.next() {
                *place = u8::try_from(byte).unwrap_or(b'?');
            }
        };
        for (place, octet) in ipv4.ip().octets().map(u16::from).into_iter().enumerate() {
            if place > 0 {
                put(u16::from(b'.'));
            }
            digits(octet, &mut put);
        }
        put(u16::from(b':'));
        digits(ipv4.port(), &mut put);
        let left = places.len();
        let text = text.get(..LONGEST - left).unwrap_or_default();
        f.write_str(str::from_utf8(text).unwrap_or_default())
    })
}

fn digits(number: u16, put: &mut impl FnMut(u16)) {
    for power in [10_000, 1_000, 100, 10, 1] {
        if number >= power || power == 1 {
            put(u16::from(b'0') + number / power % 10);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_those_of_the_standard_library() {
        for text in [
            "0.0.0.0:0",
            "255.255.255.255:65535",
            "127.0.0.1:8080",
            "10.100.9.90:109",
            "[::1]:10000",
            "[fe80::1%3]:7",
        ] {
            let parsed: SocketAddr = text.parse().unwrap();
            assert_eq!(address(parsed).to_string(), parsed.to_string());
        }
        for number in 0..=u16::MAX {
            let [high, low] = number.to_be_bytes();
            let one = SocketAddr::from(([low, high, 0, low], number));
            assert_eq!(address(one).to_string(), one.to_string());
        }
    }
}
