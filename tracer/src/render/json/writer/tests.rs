//! Whatever is written is what `serde_json` writes.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn written(value: &impl Serialize) -> String {
    let mut line = Line::default();
    let before = "what was there before";
    line.fill(|writer| before.serialize(writer)).unwrap();
    let bytes = line.fill(|writer| value.serialize(writer)).unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[ -~\\x00-\\x1f]{0,40}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..8)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_value_is_written_as_serde_json_writes_it(value in values()) {
        prop_assert_eq!(written(&value), serde_json::to_string(&value).unwrap());
    }
}

/// One of everything a shape may be made of.
#[derive(Serialize)]
struct Everything<'a> {
    small: (i8, i16, i32, u8, u16),
    character: char,
    none: Option<u8>,
    some: Option<&'a str>,
    unit: (),
    variant: Variant,
    other: Variant,
    wrapped: Wrapped,
    single: f32,
    empty: Empty,
    #[serde(flatten)]
    more: More,
    #[serde(flatten)]
    named: BTreeMap<&'a str, u8>,
}

#[derive(Serialize)]
enum Variant {
    Plain,
    Of(u8),
}

#[derive(Serialize)]
struct Wrapped(u8, &'static str);

#[derive(Serialize)]
struct Empty {}

#[derive(Serialize)]
struct More {
    more: u8,
}

#[test]
fn every_kind_of_shape_is_written_as_serde_json_writes_it() {
    let everything = Everything {
        small: (-1, -2, -3, 4, 5),
        character: '"',
        none: None,
        some: Some("\u{1f980}\u{7f}\u{8}\u{c}\u{1f}\\"),
        unit: (),
        variant: Variant::Plain,
        other: Variant::Of(7),
        wrapped: Wrapped(1, "a"),
        single: 0.1,
        empty: Empty {},
        more: More { more: 1 },
        named: [("a\n", 1), ("b", 2)].into(),
    };
    let expected = serde_json::to_string(&everything).unwrap();
    assert_eq!(written(&everything), expected);
}

#[test]
fn a_key_that_is_no_string_is_refused() {
    let numbered: BTreeMap<u8, u8> = [(1, 2)].into();
    let mut line = Line::default();
    line.fill(|writer| numbered.serialize(writer)).unwrap_err();
}

#[test]
fn two_objects_are_joined_to_one() {
    let join = |first: &Value, second: &Value| {
        let mut line = Line::default();
        let bytes = line.joined(first, second).map(<[u8]>::to_vec);
        bytes.map(|bytes| String::from_utf8(bytes).unwrap())
    };
    let [none, one, other] = ["{}", "{\"a\":1}", "{\"b\":2}"].map(|it| it.parse().unwrap());
    assert_eq!(join(&one, &other).unwrap(), "{\"a\":1,\"b\":2}");
    assert_eq!(join(&one, &none).unwrap(), "{\"a\":1}");
    assert_eq!(join(&none, &other).unwrap(), "{\"b\":2}");
    assert_eq!(join(&none, &none).unwrap(), "{}");
    join(&one, &Value::Null).unwrap_err();
    join(&Value::from(1), &one).unwrap_err();
}

#[test]
fn a_line_is_as_long_as_it_must_be_and_the_next_one_is_not() {
    let mut line = Line::default();
    let long: Vec<_> = (0..9_000).map(|it| ("x".repeat(it % 70), it)).collect();
    let mut filled = |value: &Vec<(String, usize)>| {
        let bytes = line.fill(|writer| value.serialize(writer)).unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    };
    assert_eq!(filled(&long), serde_json::to_string(&long).unwrap());
    assert_eq!(filled(&Vec::new()), "[]");
}
