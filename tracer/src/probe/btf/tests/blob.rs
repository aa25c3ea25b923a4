//! Writes BTF, for tests.

use super::super::kind;

/// BTF under construction; ids are given in the order types are added, from 1 on.
#[derive(Clone, Default)]
pub(in crate::probe) struct Blob {
    types: Vec<u8>,
    strings: Vec<u8>,
    count: u32,
}

/// A member: name, type, `offset` word of `struct btf_member`.
pub(in crate::probe) type Slot<'a> = (&'a str, u32, u32);

impl Blob {
    pub(in crate::probe) fn text(&mut self, text: &str) -> u32 {
        if self.strings.is_empty() {
            self.strings.push(0);
        }
        if text.is_empty() {
            return 0;
        }
        let at = u32::try_from(self.strings.len()).unwrap();
        self.strings.extend_from_slice(text.as_bytes());
        self.strings.push(0);
        at
    }

    /// Adds a record; `elements` goes into the info word as it is, `tail` behind the head.
    pub(in crate::probe) fn add(
        &mut self,
        name: &str,
        (kind, flag, elements): (u8, bool, usize),
        operand: u32,
        tail: &[u32],
    ) -> u32 {
        let name = self.text(name);
        let elements = u32::try_from(elements).unwrap();
        let info = u32::from(flag) << 31 | u32::from(kind) << 24 | elements;
        for word in [name, info, operand].iter().chain(tail) {
            self.types.extend_from_slice(&word.to_ne_bytes());
        }
        self.count += 1;
        self.count
    }

    pub(in crate::probe) fn number(&mut self, name: &str, bytes: u32) -> u32 {
        self.odd_number(name, bytes, 0, bytes * 8)
    }

    /// A number that uses `bits` of its bytes from bit `shift` on.
    pub(in crate::probe) fn odd_number(
        &mut self,
        name: &str,
        bytes: u32,
        shift: u32,
        bits: u32,
    ) -> u32 {
        let encoding = shift << 16 | bits;
        self.add(name, (kind::INT, false, 0), bytes, &[encoding])
    }

    pub(in crate::probe) fn refer(&mut self, kind: u8, name: &str, id: u32) -> u32 {
        self.add(name, (kind, false, 0), id, &[])
    }

    pub(in crate::probe) fn array(&mut self, element: u32, length: u32) -> u32 {
        let tail = [element, element, length];
        self.add("", (kind::ARRAY, false, 0), 0, &tail)
    }

    pub(in crate::probe) fn aggregate(
        &mut self,
        (kind, flag): (u8, bool),
        name: &str,
        bytes: u32,
        members: &[Slot<'_>],
    ) -> u32 {
        let mut tail = Vec::new();
        for &(name, id, offset) in members {
            tail.extend([self.text(name), id, offset]);
        }
        self.add(name, (kind, flag, members.len()), bytes, &tail)
    }

    pub(in crate::probe) fn structure(
        &mut self,
        name: &str,
        bytes: u32,
        members: &[Slot<'_>],
    ) -> u32 {
        self.aggregate((kind::STRUCT, false), name, bytes, members)
    }

    pub(in crate::probe) fn prototype(&mut self, parameters: &[(&str, u32)]) -> u32 {
        let mut tail = Vec::new();
        for &(name, id) in parameters {
            tail.extend([self.text(name), id]);
        }
        self.add("", (kind::PROTOTYPE, false, parameters.len()), 0, &tail)
    }

    /// The bytes, with a header of the older form.
    pub(in crate::probe) fn build(&self) -> Vec<u8> {
        self.build_with(&[])
    }

    /// The bytes; a layout section makes the header one of the newer form.
    pub(in crate::probe) fn build_with(&self, layouts: &[[u8; 4]]) -> Vec<u8> {
        let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap();
        let strings: &[u8] = if self.strings.is_empty() {
            &[0]
        } else {
            &self.strings
        };
        let layout = layouts.concat();
        let (types, text) = (length(&self.types), length(strings));
        let mut words = vec![24, 0, types, types, text];
        if !layouts.is_empty() {
            words = vec![32, 0, types, types, text, types + text, length(&layout)];
        }
        let mut bytes = 0xeb9f_u16.to_ne_bytes().to_vec();
        bytes.extend([1, 0]);
        bytes.extend(words.iter().flat_map(|word: &u32| word.to_ne_bytes()));
        bytes.extend_from_slice(&self.types);
        bytes.extend_from_slice(strings);
        bytes.extend(layout);
        bytes
    }
}
