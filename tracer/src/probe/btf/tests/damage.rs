//! BTF that is broken on purpose: an error each time, never a panic, a loop or a flood.

use proptest::prelude::*;

use super::{
    super::{Btf, BtfError, FieldError, kind},
    blob::Blob,
    model,
};

/// BTF with a type of every kind.
fn one_of_each() -> Vec<u8> {
    let mut blob = Blob::default();
    let word = blob.number("int", 4);
    let real = blob.add("double", (kind::FLOAT, false, 0), 8, &[]);
    let array = blob.array(word, 3);
    let pointer = blob.refer(kind::POINTER, "", word);
    let inner = blob.structure("", 8, &[("m0", word, 0), ("m1", real, 0)]);
    let tagged = blob.refer(kind::TYPE_TAG, "user", inner);
    let constant = blob.refer(kind::CONST, "", tagged);
    let members = [("", constant, 0), ("m2", array, 64), ("m3", pointer, 192)];
    blob.aggregate((kind::STRUCT, true), "s0", 40, &members);
    blob.aggregate((kind::UNION, false), "s1", 8, &[("m0", inner, 0)]);
    let name = blob.text("E");
    blob.add("e0", (kind::ENUM, false, 1), 4, &[name, 1]);
    blob.add("e1", (kind::ENUM64, true, 1), 8, &[name, 1, 0]);
    let prototype = blob.prototype(&[("sk", pointer), ("", 0)]);
    blob.refer(kind::FUNCTION, "f0", prototype);
    let function = blob.refer(kind::POINTER, "", prototype);
    let typedef = blob.refer(kind::TYPEDEF, "btf_trace_t0", function);
    blob.refer(kind::FORWARD, "s2", 0);
    blob.add("v0", (kind::VARIABLE, false, 0), typedef, &[0]);
    blob.add(".data", (kind::SECTION, false, 1), 4, &[1, 0, 4]);
    blob.add("tag", (kind::DECLARATION_TAG, false, 0), typedef, &[0]);
    blob.build()
}

/// Asks everything; only that it comes back matters.
fn ask(btf: &Btf) {
    for name in ["s0", "s1", "s2", "e0", "e1", "f0", "t0"] {
        for path in model::paths() {
            let _ = btf.field(name, &path);
        }
        let _ = btf.enumeration(name);
        let _ = btf.function_parameters(name);
        let _ = btf.raw_tracepoint_parameters(name);
    }
}

#[test]
fn the_undamaged_btf_answers() {
    let btf = Btf::parse(one_of_each()).unwrap();
    assert!(btf.field("s0", "m1").is_ok());
    assert!(btf.field("s1", "m0.m1").is_ok());
    assert!(btf.enumeration("e1").unwrap().is_some());
    assert!(btf.function_parameters("f0").unwrap().is_some());
    assert!(btf.raw_tracepoint_parameters("t0").unwrap().is_some());
}

#[test]
fn every_truncation_is_an_error_and_none_panics() {
    let whole = one_of_each();
    for length in 0..whole.len() {
        assert!(Btf::parse(whole[..length].to_vec()).is_err(), "{length}");
    }
}

#[test]
fn no_flipped_bit_panics() {
    let whole = one_of_each();
    for bit in 0..whole.len() * 8 {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        if let Ok(btf) = Btf::parse(flipped) {
            ask(&btf);
        }
    }
}

#[test]
fn a_reference_past_the_last_type_is_an_error_with_its_offset() {
    let mut blob = Blob::default();
    blob.structure("s0", 4, &[("m0", 99, 0)]);
    let btf = Btf::parse(blob.build()).unwrap();
    let Err(FieldError::Malformed { source, .. }) = btf.field("s0", "m0") else {
        panic!("the reference was followed");
    };
    assert!(
        matches!(source, BtfError::NoSuchType { id: 99, offset: 24 }),
        "{source}"
    );
}

#[test]
fn a_name_outside_the_strings_is_an_error() {
    let mut blob = Blob::default();
    let pointer = blob.refer(kind::POINTER, "", 0);
    blob.add("", (kind::PROTOTYPE, false, 1), 0, &[4096, pointer]);
    blob.refer(kind::FUNCTION, "f0", 2);
    let btf = Btf::parse(blob.build()).unwrap();
    let error = btf.function_parameters("f0").unwrap_err();
    assert!(
        matches!(error, BtfError::NameOutside { name: 4096, .. }),
        "{error}"
    );
}

#[test]
fn modifiers_in_a_circle_end() {
    let mut blob = Blob::default();
    blob.refer(kind::CONST, "", 2);
    blob.refer(kind::VOLATILE, "", 1);
    blob.structure("s0", 4, &[("m0", 1, 0)]);
    blob.refer(kind::TYPEDEF, "btf_trace_t0", 4);
    let btf = Btf::parse(blob.build()).unwrap();
    let error = btf.field("s0", "m0").unwrap_err();
    assert!(matches!(
        error,
        FieldError::Malformed {
            source: BtfError::TooDeep { .. },
            ..
        }
    ));
    assert!(btf.raw_tracepoint_parameters("t0").is_err());
}

#[test]
fn arrays_in_a_circle_end() {
    let mut blob = Blob::default();
    blob.array(1, 1);
    blob.structure("s0", 4, &[("m0", 1, 0)]);
    let btf = Btf::parse(blob.build()).unwrap();
    let error = btf.field("s0", "m0").unwrap_err();
    assert!(matches!(
        error,
        FieldError::Malformed {
            source: BtfError::TooDeep { .. },
            ..
        }
    ));
}

#[test]
fn a_structure_unnamed_in_itself_is_searched_once() {
    let mut blob = Blob::default();
    blob.structure("s0", 4, &[("", 1, 0), ("", 1, 0)]);
    let btf = Btf::parse(blob.build()).unwrap();
    let error = btf.field("s0", "m0").unwrap_err();
    assert!(matches!(error, FieldError::NoMember { .. }), "{error}");
}

#[test]
fn a_tower_of_doubled_unnamed_structures_takes_no_exponential_time() {
    let mut blob = Blob::default();
    let mut below = blob.structure("", 0, &[]);
    for _ in 0..200 {
        below = blob.structure("", 0, &[("", below, 0), ("", below, 0)]);
    }
    blob.structure("s0", 0, &[("", below, 0)]);
    let btf = Btf::parse(blob.build()).unwrap();
    let error = btf.field("s0", "m0").unwrap_err();
    assert!(matches!(error, FieldError::NoMember { .. }), "{error}");
}

#[test]
fn an_array_larger_than_memory_is_an_error() {
    let mut blob = Blob::default();
    let mut array = blob.number("int", 4);
    for _ in 0..3 {
        array = blob.array(array, u32::MAX);
    }
    blob.structure("s0", 4, &[("m0", array, 0)]);
    let btf = Btf::parse(blob.build()).unwrap();
    let error = btf.field("s0", "m0").unwrap_err();
    assert!(matches!(
        error,
        FieldError::Malformed {
            source: BtfError::Oversized { .. },
            ..
        }
    ));
}

#[test]
fn a_member_without_a_size_is_an_error() {
    let mut blob = Blob::default();
    let prototype = blob.prototype(&[]);
    blob.structure("s0", 4, &[("m0", prototype, 0), ("m1", 0, 0)]);
    let btf = Btf::parse(blob.build()).unwrap();
    for path in ["m0", "m1"] {
        let error = btf.field("s0", path).unwrap_err();
        let unsized_member = matches!(
            error,
            FieldError::Malformed {
                source: BtfError::Unsized { .. },
                ..
            }
        );
        assert!(unsized_member, "{path}");
    }
}

proptest! {
    #[test]
    fn no_damage_to_a_random_btf_panics(
        shapes in model::shapes(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = model::encode(&shapes);
        for (place, byte) in damage {
            *place.get_mut(&mut bytes) = byte;
        }
        if let Ok(btf) = Btf::parse(bytes) {
            ask(&btf);
        }
    }

    #[test]
    fn no_bytes_at_all_panic(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
        let mut headed = Blob::default().build();
        headed.extend(&bytes);
        // Types are all that follows; the strings are the last byte, made the NUL they need.
        headed.push(0);
        let types = u32::try_from(bytes.len()).unwrap();
        for (place, word) in [(12, types), (16, types + 1), (20, 1)] {
            headed[place..place + 4].copy_from_slice(&word.to_ne_bytes());
        }
        for buffer in [headed, bytes] {
            if let Ok(btf) = Btf::parse(buffer) {
                ask(&btf);
            }
        }
    }
}
