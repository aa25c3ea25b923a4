//! Where a field is: paths through structures, unnamed members, arrays and bit fields.

use std::collections::BTreeSet;

use super::{
    Btf, DEPTH, Type, bytes,
    error::{BtfError, FieldError},
    kind,
};

/// Where a field is and how large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Bits from the start of the structure asked for.
    pub offset_bits: u64,
    /// Bits of the field; the whole of an array.
    pub size_bits: u64,
    /// Whether the field shares its bytes with others, as `unsigned flag : 1` does.
    pub bitfield: bool,
}

impl Member {
    /// Offset and size in bytes; `None` for a field that cannot be read as whole bytes.
    #[must_use]
    pub fn bytes(&self) -> Option<(u64, u64)> {
        let whole = |bits: u64| bits.is_multiple_of(8).then_some(bits / 8);
        if self.bitfield {
            return None;
        }
        whole(self.offset_bits).zip(whole(self.size_bits))
    }
}

/// The structures and unions of one name; BTF may hold several that differ.
#[derive(Clone, Debug)]
pub struct Structure<'a> {
    btf: &'a Btf,
    name: &'a str,
    /// Never empty.
    found: Vec<Type>,
}

/// Why one structure does not have the field.
enum Absent<'a> {
    Member(&'a str),
    NotAStructure(&'a str),
    Malformed(BtfError),
}

impl From<BtfError> for Absent<'_> {
    fn from(source: BtfError) -> Self {
        Self::Malformed(source)
    }
}

/// One `struct btf_member`.
#[derive(Clone, Copy)]
struct Slot {
    /// Bits from the start of the structure it was found through.
    offset_bits: u64,
    /// Width of a bit field, zero for an ordinary member.
    width: u32,
    /// The member's type.
    id: u32,
    /// Where the record of the structure starts.
    from: usize,
}

impl Btf {
    /// The structure or union of the name; `None` when there is none.
    #[must_use]
    pub fn structure<'a>(&'a self, name: &'a str) -> Option<Structure<'a>> {
        let found: Vec<Type> = self.named(&[kind::STRUCT, kind::UNION], name).collect();
        let btf = self;
        (!found.is_empty()).then_some(Structure { btf, name, found })
    }

    /// Where a field is: member names joined by dots, unnamed members passed through.
    ///
    /// # Errors
    ///
    /// When there is no such structure or no such member, which is a fact about the kernel, or
    /// when the BTF contradicts itself on the way.
    pub fn field(&self, structure: &str, path: &str) -> Result<Member, FieldError> {
        match self.structure(structure) {
            Some(found) => found.field(path),
            None => Err(FieldError::NoStructure {
                structure: structure.to_owned(),
            }),
        }
    }

    fn descend<'a>(&self, top: Type, path: &'a str) -> Result<Member, Absent<'a>> {
        let mut base = 0_u64;
        let mut within = top;
        let mut parts = path.split('.').peekable();
        while let Some(part) = parts.next() {
            let slot = self.slot(within, part)?.ok_or(Absent::Member(part))?;
            let oversized = BtfError::Oversized { offset: slot.from };
            base = base.checked_add(slot.offset_bits).ok_or(oversized)?;
            if parts.peek().is_none() {
                return Ok(self.measure(&slot, base)?);
            }
            match self.peel(slot.id, slot.from)? {
                Some(inner) if inner.is_aggregate() => within = inner,
                Some(_) | None => return Err(Absent::NotAStructure(part)),
            }
        }
        Err(Absent::Member(path))
    }

    /// The member of the name, searched in the structure first and then in its unnamed members,
    /// level by level; no type is searched twice, so the work is bounded by the BTF's length.
    fn slot(&self, top: Type, name: &str) -> Result<Option<Slot>, BtfError> {
        if name.is_empty() || name.contains('\0') {
            return Ok(None);
        }
        let mut seen = BTreeSet::from([top.start]);
        let mut level = vec![(top, 0_u64)];
        while !level.is_empty() {
            let mut below = Vec::new();
            for (aggregate, base) in level {
                for place in 0..aggregate.elements {
                    let (at, slot) = self.member(&aggregate, place, base)?;
                    if self.is_named(at, name) {
                        return Ok(Some(slot));
                    }
                    if !self.text(at, aggregate.start)?.is_empty() {
                        continue;
                    }
                    if let Some(inner) = self.peel(slot.id, slot.from)?
                        && inner.is_aggregate()
                        && seen.insert(inner.start)
                    {
                        below.push((inner, slot.offset_bits));
                    }
                }
            }
            level = below;
        }
        Ok(None)
    }

    /// The member in the place, with the offset of its name.
    fn member(&self, within: &Type, place: usize, base: u64) -> Result<(u32, Slot), BtfError> {
        let start = within.start + kind::HEAD + place * kind::MEMBER;
        let word = |offset| bytes::u32_at(&self.buffer, start + offset, "a member");
        let offset = word(8)?;
        let (width, offset) = if within.flag {
            (offset >> 24, offset & 0xff_ffff)
        } else {
            (0, offset)
        };
        let oversized = BtfError::Oversized {
            offset: within.start,
        };
        let slot = Slot {
            offset_bits: base.checked_add(offset.into()).ok_or(oversized)?,
            width,
            id: word(4)?,
            from: within.start,
        };
        Ok((word(0)?, slot))
    }

    /// Place and size of a member that lies `offset_bits` into the structure asked for.
    fn measure(&self, slot: &Slot, offset_bits: u64) -> Result<Member, BtfError> {
        if slot.width != 0 {
            return Ok(Member {
                offset_bits,
                size_bits: slot.width.into(),
                bitfield: true,
            });
        }
        let bits = |size: u64, offset| {
            size.checked_mul(8)
                .ok_or(BtfError::Oversized { offset })
                .map(|size_bits| Member {
                    offset_bits,
                    size_bits,
                    bitfield: false,
                })
        };
        match self.peel(slot.id, slot.from)? {
            // Structures without the kind flag say in the number's own type which bits it has.
            Some(number) if number.kind == kind::INT => {
                let whole = bits(number.operand.into(), number.start)?;
                let encoding = bytes::u32_at(&self.buffer, number.start + kind::HEAD, "a number")?;
                let [_, shift, _, used] = encoding.to_be_bytes();
                if shift == 0 && whole.size_bits == u64::from(used) {
                    return Ok(whole);
                }
                let offset = number.start;
                Ok(Member {
                    offset_bits: offset_bits
                        .checked_add(shift.into())
                        .ok_or(BtfError::Oversized { offset })?,
                    size_bits: used.into(),
                    bitfield: true,
                })
            }
            Some(_) | None => bits(self.size(slot.id, slot.from)?, slot.from),
        }
    }

    /// Bytes of a type.
    fn size(&self, id: u32, from: usize) -> Result<u64, BtfError> {
        let (mut id, mut from, mut count) = (id, from, 1_u64);
        for _ in 0..DEPTH {
            let Some(at) = self.peel(id, from)? else {
                return Err(BtfError::Unsized { offset: from });
            };
            let offset = at.start;
            let times = |each: u64| {
                let size = count.checked_mul(each);
                size.ok_or(BtfError::Oversized { offset })
            };
            match at.kind {
                kind::ARRAY => {
                    // `struct btf_array`: the element's type, the index's type, how many.
                    let element = bytes::u32_at(&self.buffer, offset + kind::HEAD, "an array")?;
                    let length = bytes::u32_at(&self.buffer, offset + kind::HEAD + 8, "an array")?;
                    count = times(length.into())?;
                    (id, from) = (element, offset);
                }
                // The BTF describes the machine we run on: its pointers are as wide as ours.
                kind::POINTER => return times(u64::from(usize::BITS / 8)),
                kind::INT
                | kind::STRUCT
                | kind::UNION
                | kind::ENUM
                | kind::ENUM64
                | kind::FLOAT => return times(at.operand.into()),
                _ => return Err(BtfError::Unsized { offset }),
            }
        }
        Err(BtfError::TooDeep { offset: from })
    }
}

impl Structure<'_> {
    /// Where a field is, as [`Btf::field`]; every structure of the name is tried.
    ///
    /// # Errors
    ///
    /// What the first structure of the name answers, when none of them has the field.
    pub fn field(&self, path: &str) -> Result<Member, FieldError> {
        let mut first = None;
        for &found in &self.found {
            match self.btf.descend(found, path) {
                Ok(member) => return Ok(member),
                Err(absent) => first = first.or(Some(absent)),
            }
        }
        let (structure, path_asked) = (self.name.to_owned(), path.to_owned());
        Err(match first {
            Some(Absent::Malformed(source)) => FieldError::Malformed {
                structure,
                path: path_asked,
                source,
            },
            Some(Absent::NotAStructure(member)) => FieldError::NotAStructure {
                structure,
                path: path_asked,
                member: member.to_owned(),
            },
            Some(Absent::Member(member)) => FieldError::NoMember {
                structure,
                path: path_asked,
                member: member.to_owned(),
            },
            None => FieldError::NoStructure { structure },
        })
    }
}
