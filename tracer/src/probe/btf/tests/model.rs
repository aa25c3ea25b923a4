//! Random type graphs, and the plainest possible answer to every question about them.

use proptest::{prelude::*, sample::Index};

use super::{
    super::{Btf, FieldError, Member, kind},
    blob::Blob,
};

const MEMBERS: [&str; 4] = ["m0", "m1", "m2", "m3"];
const STRUCTURES: [&str; 3] = ["s0", "s1", "s2"];

/// Every path of up to three member names.
pub(super) fn paths() -> Vec<String> {
    let mut paths: Vec<String> = MEMBERS.map(str::to_owned).to_vec();
    for from in [0..4, 4..20] {
        for place in from {
            let longer = MEMBERS.map(|name| format!("{}.{name}", paths[place]));
            paths.extend(longer);
        }
    }
    paths
}

/// A type; references are resolved to an earlier type, so that sizes and searches end.
#[derive(Clone, Debug)]
pub(super) enum Shape {
    Number { bytes: u32, shift: u32, bits: u32 },
    Float(u32),
    Pointer(Index),
    Array(Index, u32),
    Modifier(u8, Index),
    Forward(usize),
    Enumeration { wide: bool, values: Vec<u32> },
    Prototype(Vec<Option<usize>>),
    Aggregate(Aggregate),
}

#[derive(Clone, Debug)]
pub(super) struct Aggregate {
    union: bool,
    flag: bool,
    name: Option<usize>,
    bytes: u32,
    members: Vec<Slot>,
}

/// A member; the width counts only in an aggregate with the kind flag.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    name: Option<usize>,
    of: Index,
    offset: u32,
    width: u32,
}

fn slot() -> impl Strategy<Value = Slot> {
    let name = prop::option::weighted(0.6, 0..MEMBERS.len());
    let width = prop_oneof![3 => Just(0_u32), 1 => 1..64_u32];
    (name, any::<Index>(), 0..4096_u32, width).prop_map(|(name, of, offset, width)| Slot {
        name,
        of,
        offset,
        width,
    })
}

fn aggregate() -> impl Strategy<Value = Aggregate> {
    let name = prop::option::weighted(0.6, 0..STRUCTURES.len());
    let members = prop::collection::vec(slot(), 0..5);
    (any::<bool>(), any::<bool>(), name, 0..512_u32, members).prop_map(
        |(union, flag, name, bytes, members)| Aggregate {
            union,
            flag,
            name,
            bytes,
            members,
        },
    )
}

fn shape() -> impl Strategy<Value = Shape> {
    let modifiers = prop::sample::select(vec![
        kind::TYPEDEF,
        kind::CONST,
        kind::VOLATILE,
        kind::RESTRICT,
        kind::TYPE_TAG,
    ]);
    let bytes = prop::sample::select(vec![1_u32, 2, 4, 8, 16]);
    prop_oneof![
        2 => bytes.clone().prop_map(|bytes| Shape::Number { bytes, shift: 0, bits: bytes * 8 }),
        1 => (bytes.clone(), 0..9_u32, 1..9_u32)
            .prop_map(|(bytes, shift, bits)| Shape::Number { bytes, shift, bits }),
        1 => bytes.prop_map(Shape::Float),
        1 => any::<Index>().prop_map(Shape::Pointer),
        1 => (any::<Index>(), 0..5_u32).prop_map(|(of, length)| Shape::Array(of, length)),
        3 => (modifiers, any::<Index>()).prop_map(|(kind, of)| Shape::Modifier(kind, of)),
        1 => (0..STRUCTURES.len()).prop_map(Shape::Forward),
        1 => (any::<bool>(), prop::collection::vec(any::<u32>(), 0..4))
            .prop_map(|(wide, values)| Shape::Enumeration { wide, values }),
        1 => prop::collection::vec(prop::option::of(0..MEMBERS.len()), 0..4)
            .prop_map(Shape::Prototype),
        5 => aggregate().prop_map(Shape::Aggregate),
    ]
}

pub(super) fn shapes() -> impl Strategy<Value = Vec<Shape>> {
    prop::collection::vec(shape(), 1..14)
}

/// The id an index means in the type at `place`: `void` or an earlier type.
fn earlier(of: Index, place: usize) -> usize {
    of.index(place + 1)
}

fn wire(id: usize) -> u32 {
    u32::try_from(id).unwrap()
}

/// The graph as BTF. Enumerations and prototypes are named by their place.
pub(super) fn encode(shapes: &[Shape]) -> Vec<u8> {
    let mut blob = Blob::default();
    for (place, shape) in shapes.iter().enumerate() {
        match shape {
            &Shape::Number { bytes, shift, bits } => blob.odd_number("n", bytes, shift, bits),
            &Shape::Float(bytes) => blob.add("f", (kind::FLOAT, false, 0), bytes, &[]),
            // A pointer may point anywhere, so also at itself and at later types.
            Shape::Pointer(of) => {
                let id = wire(of.index(shapes.len() + 1));
                blob.refer(kind::POINTER, "", id)
            }
            &Shape::Array(of, length) => blob.array(wire(earlier(of, place)), length),
            &Shape::Modifier(kind, of) => blob.refer(kind, "t", wire(earlier(of, place))),
            &Shape::Forward(name) => blob.refer(kind::FORWARD, STRUCTURES[name], 0),
            Shape::Enumeration { wide, values } => {
                let mut tail = Vec::new();
                for (number, &value) in values.iter().enumerate() {
                    tail.extend([blob.text(&format!("v{number}")), value]);
                    tail.extend(wide.then_some(0));
                }
                let (kind, bytes) = if *wide {
                    (kind::ENUM64, 8)
                } else {
                    (kind::ENUM, 4)
                };
                let shape = (kind, false, values.len());
                blob.add(&format!("e{place}"), shape, bytes, &tail)
            }
            // The function comes after all types, so that its place is no other's.
            Shape::Prototype(names) => {
                let names: Vec<(&str, u32)> = names.iter().map(|&name| (word(name), 0)).collect();
                blob.prototype(&names)
            }
            Shape::Aggregate(aggregate) => encode_aggregate(&mut blob, aggregate, place),
        };
    }
    for (place, shape) in shapes.iter().enumerate() {
        if let Shape::Prototype(_) = shape {
            blob.refer(kind::FUNCTION, &format!("f{place}"), wire(place + 1));
        }
    }
    blob.build()
}

fn word(name: Option<usize>) -> &'static str {
    name.map_or("", |name| MEMBERS[name])
}

fn encode_aggregate(blob: &mut Blob, aggregate: &Aggregate, place: usize) -> u32 {
    let members: Vec<(&str, u32, u32)> = aggregate
        .members
        .iter()
        .map(|slot| {
            let width = if aggregate.flag { slot.width } else { 0 };
            let id = wire(earlier(slot.of, place));
            (word(slot.name), id, width << 24 | slot.offset)
        })
        .collect();
    let kind = if aggregate.union {
        kind::UNION
    } else {
        kind::STRUCT
    };
    let name = aggregate.name.map_or("", |name| STRUCTURES[name]);
    blob.aggregate((kind, aggregate.flag), name, aggregate.bytes, &members)
}

/// Why the model has no answer; what [`FieldError`] says, less the words.
#[derive(Debug, PartialEq, Eq)]
enum Absent {
    Structure,
    Member(String),
    NotAStructure(String),
    Malformed,
}

fn absent(error: FieldError) -> Absent {
    match error {
        FieldError::NoStructure { .. } => Absent::Structure,
        FieldError::NoMember { member, .. } => Absent::Member(member),
        FieldError::NotAStructure { member, .. } => Absent::NotAStructure(member),
        FieldError::Malformed { .. } => Absent::Malformed,
    }
}

/// The place of the type behind the modifiers; `None` for `void`.
fn peel(shapes: &[Shape], id: usize) -> Option<usize> {
    let place = id.checked_sub(1)?;
    if let Shape::Modifier(_, of) = shapes[place] {
        return peel(shapes, earlier(of, place));
    }
    Some(place)
}

fn size(shapes: &[Shape], id: usize) -> Option<u64> {
    let place = peel(shapes, id)?;
    match &shapes[place] {
        Shape::Number { bytes, .. }
        | Shape::Float(bytes)
        | Shape::Aggregate(Aggregate { bytes, .. }) => Some((*bytes).into()),
        Shape::Pointer(_) => Some(8),
        Shape::Enumeration { wide, .. } => Some(if *wide { 8 } else { 4 }),
        Shape::Array(of, length) => Some(u64::from(*length) * size(shapes, earlier(*of, place))?),
        Shape::Modifier(..) | Shape::Forward(_) | Shape::Prototype(_) => None,
    }
}

/// The member of the name in any of the aggregates, unnamed ones opened level by level.
fn search(shapes: &[Shape], level: &[(usize, u64)], name: &str) -> Option<(usize, u64, u32)> {
    let mut below = Vec::new();
    for &(place, base) in level {
        let Shape::Aggregate(aggregate) = &shapes[place] else {
            continue;
        };
        for slot in &aggregate.members {
            let id = earlier(slot.of, place);
            let offset = base + u64::from(slot.offset);
            let width = if aggregate.flag { slot.width } else { 0 };
            match slot.name {
                Some(found) if MEMBERS[found] == name => return Some((id, offset, width)),
                Some(_) => {}
                None => below.extend(peel(shapes, id).map(|place| (place, offset))),
            }
        }
    }
    if below.is_empty() {
        return None;
    }
    search(shapes, &below, name)
}

fn descend(shapes: &[Shape], place: usize, base: u64, path: &str) -> Result<Member, Absent> {
    let (part, rest) = path.split_once('.').unwrap_or((path, ""));
    let (id, offset_bits, width) =
        search(shapes, &[(place, base)], part).ok_or(Absent::Member(part.to_owned()))?;
    let inner = peel(shapes, id);
    if !rest.is_empty() {
        return match inner {
            Some(inner) if matches!(shapes[inner], Shape::Aggregate(_)) => {
                descend(shapes, inner, offset_bits, rest)
            }
            Some(_) | None => Err(Absent::NotAStructure(part.to_owned())),
        };
    }
    let (offset_bits, size_bits, bitfield) = match inner.map(|inner| &shapes[inner]) {
        _ if width > 0 => (offset_bits, width.into(), true),
        Some(&Shape::Number { bytes, shift, bits }) => {
            let odd = shift != 0 || bits != bytes * 8;
            (offset_bits + u64::from(shift), bits.into(), odd)
        }
        _ => {
            let bytes = size(shapes, id).ok_or(Absent::Malformed)?;
            (offset_bits, bytes * 8, false)
        }
    };
    Ok(Member {
        offset_bits,
        size_bits,
        bitfield,
    })
}

fn field(shapes: &[Shape], structure: &str, path: &str) -> Result<Member, Absent> {
    let mut answers = Vec::new();
    for (place, shape) in shapes.iter().enumerate() {
        if let Shape::Aggregate(aggregate) = shape
            && aggregate
                .name
                .is_some_and(|name| STRUCTURES[name] == structure)
        {
            answers.push(descend(shapes, place, 0, path));
        }
    }
    let found = answers.iter().position(Result::is_ok).unwrap_or(0);
    if answers.is_empty() {
        return Err(Absent::Structure);
    }
    answers.swap_remove(found)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn the_walker_agrees_with_the_naive_model_on_every_field(shapes in shapes()) {
        let btf = Btf::parse(encode(&shapes)).unwrap();
        for structure in STRUCTURES {
            for path in paths() {
                let found = btf.field(structure, &path).map_err(absent);
                prop_assert_eq!(found, field(&shapes, structure, &path), "{}.{}", structure, path);
            }
        }
    }

    #[test]
    fn the_walker_agrees_with_the_naive_model_on_every_name(shapes in shapes()) {
        let btf = Btf::parse(encode(&shapes)).unwrap();
        for (place, shape) in shapes.iter().enumerate() {
            let enumeration = btf.enumeration(&format!("e{place}")).unwrap();
            let names = btf.function_parameters(&format!("f{place}")).unwrap();
            let mut expected = (None, None);
            let labels: Vec<String> = (0..4).map(|number| format!("v{number}")).collect();
            if let Shape::Enumeration { values, .. } = shape
                && !values.is_empty()
            {
                let labels = labels.iter().map(String::as_str);
                expected.0 = Some(values.iter().copied().zip(labels).collect());
            }
            if let Shape::Prototype(parameters) = shape {
                expected.1 = Some(parameters.iter().map(|&name| word(name)).collect());
            }
            prop_assert_eq!((enumeration, names), expected);
        }
    }
}
