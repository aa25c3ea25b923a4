//! Records of the kernel half: any bytes are a record or an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tracer::{decode::decode, tally::kind_of};
use tracer_common::event::Header;
use zerocopy::FromBytes as _;

fuzz_target!(|input: &[u8]| {
    if let Ok(observation) = decode(input) {
        let header = Header::read_from_prefix(input).map(|(header, _)| header);
        let kind = header.map(|header| header.kind).ok();
        assert_eq!(kind, Some(kind_of(&observation.what).to_wire()));
    }
});
