//! Frames of every link type: what is read from one is the same after it was written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tracer::{
    model::segment::Headers,
    packet::{build, link::Link, parse},
};

fuzz_target!(|input: &[u8]| {
    let Some((&[number, longer], frame)) = input.split_first_chunk::<2>() else {
        return;
    };
    // Those of more than a byte: version 2 of cooked frames, and one nobody knows.
    let link = Link::of(match number {
        254 => 276,
        255 => u16::MAX,
        number => number.into(),
    });
    let captured = u32::try_from(frame.len()).unwrap_or(u32::MAX);
    let original = captured.saturating_add(u32::from(longer) << 4);
    if let Ok(found) = parse::frame(link, frame, original) {
        is_read_back(&found.headers);
    }
});

fn is_read_back(headers: &Headers) {
    let (packet, original) = build::packet(headers);
    // A packet too long for its header has no length in it, and so has a mixed pair of addresses.
    if u16::try_from(original).is_ok() {
        let again = parse::frame(Link::Raw, &packet, original).map(|found| found.headers);
        assert_eq!(again, Ok(*headers));
    }
}
