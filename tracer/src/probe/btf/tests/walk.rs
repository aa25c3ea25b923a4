//! The walker on small BTF made by hand.

use super::{
    super::{Btf, BtfError, FieldError, Member, kind},
    blob::Blob,
};

fn btf(blob: &Blob) -> Btf {
    Btf::parse(blob.build()).unwrap()
}

fn plain(offset_bits: u64, size_bits: u64) -> Member {
    Member {
        offset_bits,
        size_bits,
        bitfield: false,
    }
}

fn bits(offset_bits: u64, size_bits: u64) -> Member {
    Member {
        offset_bits,
        size_bits,
        bitfield: true,
    }
}

#[test]
fn unnamed_members_are_passed_through_and_their_offsets_added() {
    let mut blob = Blob::default();
    let word = blob.number("int", 4);
    let pair = blob.structure("", 8, &[("low", word, 0), ("high", word, 32)]);
    let choice = blob.aggregate((kind::UNION, false), "", 8, &[("", pair, 0)]);
    blob.structure("outer", 16, &[("first", word, 0), ("", choice, 64)]);
    let btf = btf(&blob);
    assert_eq!(btf.field("outer", "high").unwrap(), plain(96, 32));
    assert_eq!(btf.field("outer", "high").unwrap().bytes(), Some((12, 4)));
}

#[test]
fn names_and_qualifiers_around_a_type_are_peeled() {
    let mut blob = Blob::default();
    let word = blob.number("int", 4);
    let inner = blob.structure("inner", 8, &[("value", word, 32)]);
    let mut wrapped = inner;
    for modifier in [
        kind::CONST,
        kind::VOLATILE,
        kind::RESTRICT,
        kind::TYPEDEF,
        kind::TYPE_TAG,
    ] {
        wrapped = blob.refer(modifier, "wrapped", wrapped);
    }
    blob.structure("outer", 16, &[("inner", wrapped, 64)]);
    let btf = btf(&blob);
    assert_eq!(btf.field("outer", "inner").unwrap(), plain(64, 64));
    assert_eq!(btf.field("outer", "inner.value").unwrap(), plain(96, 32));
}

#[test]
fn an_array_has_the_size_of_its_elements_together() {
    let mut blob = Blob::default();
    let byte = blob.number("char", 1);
    let row = blob.array(byte, 6);
    let rows = blob.array(row, 8);
    let pointer = blob.refer(kind::POINTER, "", byte);
    let pointers = blob.array(pointer, 3);
    let members = [("cb", rows, 320), ("list", pointers, 704)];
    blob.structure("sk_buff", 112, &members);
    let btf = btf(&blob);
    assert_eq!(btf.field("sk_buff", "cb").unwrap(), plain(320, 384));
    assert_eq!(btf.field("sk_buff", "list").unwrap(), plain(704, 192));
}

#[test]
fn both_encodings_of_a_bit_field_are_told_from_whole_bytes() {
    let mut blob = Blob::default();
    let word = blob.number("int", 4);
    let odd = blob.odd_number("int", 4, 3, 5);
    let members = [("wide", word, 32), ("narrow", word, (5 << 24) + 67)];
    blob.aggregate((kind::STRUCT, true), "flagged", 12, &members);
    blob.structure("plain", 8, &[("wide", word, 0), ("narrow", odd, 32)]);
    let btf = btf(&blob);
    assert_eq!(btf.field("flagged", "wide").unwrap(), plain(32, 32));
    assert_eq!(btf.field("flagged", "narrow").unwrap(), bits(67, 5));
    assert_eq!(btf.field("plain", "wide").unwrap(), plain(0, 32));
    assert_eq!(btf.field("plain", "narrow").unwrap(), bits(35, 5));
    assert_eq!(btf.field("plain", "narrow").unwrap().bytes(), None);
}

#[test]
fn a_missing_structure_and_a_missing_member_are_told_apart() {
    let mut blob = Blob::default();
    let word = blob.number("int", 4);
    blob.structure("sock", 4, &[("state", word, 0)]);
    blob.refer(kind::FORWARD, "later", 0);
    let btf = btf(&blob);
    let absent = |structure, path| btf.field(structure, path).unwrap_err();
    assert!(matches!(
        absent("later", "a"),
        FieldError::NoStructure { .. }
    ));
    assert!(matches!(absent("", "a"), FieldError::NoStructure { .. }));
    let error = absent("sock", "flags.dead");
    assert!(matches!(&error, FieldError::NoMember { member, .. } if member == "flags"));
    assert!(error.to_string().contains("sock has no member flags.dead"));
    let error = absent("sock", "state.value");
    assert!(matches!(&error, FieldError::NotAStructure { member, .. } if member == "state"));
    for path in ["", ".", "state.", ".state"] {
        assert!(btf.field("sock", path).is_err(), "{path}");
    }
}

#[test]
fn every_structure_of_a_name_is_tried() {
    let mut blob = Blob::default();
    let word = blob.number("int", 4);
    blob.structure("net", 4, &[("other", word, 0)]);
    blob.structure("net", 12, &[("inum", word, 64)]);
    assert_eq!(btf(&blob).field("net", "inum").unwrap(), plain(64, 32));
}

#[test]
fn a_name_is_not_found_by_its_beginning_or_its_end() {
    let mut blob = Blob::default();
    let word = blob.number("int", 4);
    blob.structure("socket", 4, &[("state", word, 0)]);
    let btf = btf(&blob);
    for name in ["sock", "ocket", "sockets", "socket\0"] {
        assert!(btf.structure(name).is_none(), "{name:?}");
    }
    for path in ["stat", "tate", "states", "state\0"] {
        assert!(btf.field("socket", path).is_err(), "{path:?}");
    }
}

#[test]
fn enumerators_of_both_widths_come_with_their_values() {
    let mut blob = Blob::default();
    let names = ["A", "B", "C"].map(|name| blob.text(name));
    let narrow = [names[0], 0, names[1], 7, names[2], u32::MAX];
    blob.add("narrow", (kind::ENUM, true, 0), 4, &[]);
    blob.add("narrow", (kind::ENUM, true, 3), 4, &narrow);
    let wide = [names[0], 5, 0, names[1], u32::MAX, u32::MAX, names[2], 1, 1];
    blob.add("signed", (kind::ENUM64, true, 3), 8, &wide);
    blob.add("unsigned", (kind::ENUM64, false, 3), 8, &wide);
    let btf = btf(&blob);
    let pairs = |name| btf.enumeration(name).unwrap();
    let narrow = vec![(0, "A"), (7, "B"), (u32::MAX, "C")];
    assert_eq!(pairs("narrow"), Some(narrow));
    assert_eq!(pairs("signed"), Some(vec![(5, "A"), (u32::MAX, "B")]));
    assert_eq!(pairs("unsigned"), Some(vec![(5, "A")]));
    assert_eq!(pairs("absent"), None);
}

#[test]
fn a_function_gives_its_parameters_names_and_a_variable_its_none() {
    let mut blob = Blob::default();
    let word = blob.number("int", 4);
    let prototype = blob.prototype(&[("sk", word), ("timeout", word), ("", 0)]);
    blob.refer(kind::FUNCTION, "tcp_close", prototype);
    blob.refer(kind::FUNCTION, "odd", word);
    let btf = btf(&blob);
    let names = Some(vec!["sk", "timeout", ""]);
    assert_eq!(btf.function_parameters("tcp_close").unwrap(), names);
    assert_eq!(btf.function_parameters("odd").unwrap(), None);
    assert_eq!(btf.function_parameters("tcp_open").unwrap(), None);
}

#[test]
fn a_raw_tracepoint_gives_the_types_after_the_kernels_own() {
    let mut blob = Blob::default();
    let data = blob.refer(kind::POINTER, "", 0);
    let sock = blob.structure("sock", 4, &[]);
    let constant = blob.refer(kind::CONST, "", sock);
    let pointer = blob.refer(kind::POINTER, "", constant);
    let reason = blob.add("sk_rst_reason", (kind::ENUM, false, 0), 4, &[]);
    let constant = blob.refer(kind::CONST, "", reason);
    let number = blob.number("int", 4);
    let state = blob.refer(kind::TYPEDEF, "state_t", number);
    let parameters = [data, pointer, constant, state, data].map(|id| ("", id));
    let prototype = blob.prototype(&parameters);
    let function = blob.refer(kind::POINTER, "", prototype);
    blob.refer(kind::TYPEDEF, "btf_trace_tcp_send_reset", function);
    blob.refer(kind::TYPEDEF, "btf_trace_odd", number);
    let btf = btf(&blob);
    let types = ["struct sock *", "enum sk_rst_reason", "state_t", "void *"];
    let found = btf.raw_tracepoint_parameters("tcp_send_reset").unwrap();
    assert_eq!(found, Some(types.map(str::to_owned).to_vec()));
    assert_eq!(btf.raw_tracepoint_parameters("odd").unwrap(), None);
    assert_eq!(btf.raw_tracepoint_parameters("absent").unwrap(), None);
}

#[test]
fn a_kind_from_the_future_is_skipped_where_the_btf_says_how_long_it_is() {
    let mut blob = Blob::default();
    let word = blob.number("int", 4);
    blob.add("new", (20, false, 2), 0, &[1, 2, 3]);
    blob.structure("after", 4, &[("value", word, 0)]);
    let mut layouts = [[0; 4]; 21];
    layouts[20] = [4, 4, 0, 0];
    let found = Btf::parse(blob.build_with(&layouts)).unwrap();
    assert_eq!(found.field("after", "value").unwrap(), plain(0, 32));
    let error = Btf::parse(blob.build()).unwrap_err();
    assert!(
        matches!(
            error,
            BtfError::Kind {
                kind: 20,
                offset: 40
            }
        ),
        "{error}"
    );
}

#[test]
fn what_is_not_btf_is_refused_by_what_it_is() {
    let valid = Blob::default().build();
    let refused = |place: usize, bytes: &[u8]| {
        let mut buffer = valid.clone();
        buffer[place..place + bytes.len()].copy_from_slice(bytes);
        Btf::parse(buffer).unwrap_err()
    };
    let swapped = 0xeb9f_u16.swap_bytes().to_ne_bytes();
    assert!(matches!(refused(0, b"\x7fE"), BtfError::Magic { .. }));
    assert!(matches!(refused(0, &swapped), BtfError::ByteOrder));
    assert!(matches!(refused(2, &[2]), BtfError::Version { found: 2 }));
    assert!(matches!(refused(4, &[8]), BtfError::Truncated { .. }));
    assert!(matches!(
        refused(24, b"x"),
        BtfError::Strings { offset: 24 }
    ));
    assert!(matches!(
        Btf::parse(Vec::new()),
        Err(BtfError::Truncated { .. })
    ));
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let error = Btf::read(std::path::Path::new("/nonexistent/btf")).unwrap_err();
    assert!(error.to_string().contains("/nonexistent/btf"), "{error}");
}
