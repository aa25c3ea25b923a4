//! Types of a kernel (BTF): any bytes are types or an error, and whatever is asked of them is answered.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tracer::probe::btf::Btf;

fuzz_target!(|input: &[u8]| {
    let Ok(types) = Btf::parse(input.to_vec()) else {
        return;
    };
    for (structure, path) in [
        ("sock", "__sk_common.skc_net.net"),
        ("tcp_sock", "inet.__sk_common.skc_state"),
        ("sock_common", "skc_reuse"),
        ("tcp_sock", "inet.names"),
    ] {
        if let Ok(member) = types.field(structure, path) {
            let end = |(from, size): (u64, u64)| from.checked_add(size);
            assert!(member.bytes().is_none_or(|it| end(it).is_some()));
        }
        let _asked = types.structure(structure);
    }
    let _asked = types.enumeration("sk_rst_reason");
    let _asked = types.function_parameters("tcp_close");
    let _asked = types.raw_tracepoint_parameters("tcp_send_reset");
});
