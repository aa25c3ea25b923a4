//! What things are called: enumerators, functions and their parameters, tracepoints.

use super::{Btf, DEPTH, Type, bytes, error::BtfError, kind};

impl Btf {
    /// Values and names of an enumeration, in the kernel's order; `None` when there is none.
    ///
    /// A negative value is given by its 32 bits; values of more than 32 bits are left out.
    ///
    /// # Errors
    ///
    /// When the BTF of the enumeration contradicts itself.
    pub fn enumeration(&self, name: &str) -> Result<Option<Vec<(u32, &str)>>, BtfError> {
        // One without enumerators is a forward declaration.
        let found = self
            .named(&[kind::ENUM, kind::ENUM64], name)
            .find(|found| found.elements > 0);
        let Some(found) = found else { return Ok(None) };
        let wide = found.kind == kind::ENUM64;
        let each = if wide {
            kind::ENUMERATOR64
        } else {
            kind::ENUMERATOR
        };
        let first = found.start + kind::HEAD;
        let mut pairs = Vec::new();
        for place in 0..found.elements {
            let start = first + place * each;
            let word = |offset| bytes::u32_at(&self.buffer, start + offset, "an enumerator");
            let value = word(4)?;
            let high = if wide { word(8)? } else { 0 };
            let sign = if found.flag && value >> 31 == 1 {
                u32::MAX
            } else {
                0
            };
            if !wide || high == sign {
                pairs.push((value, self.text(word(0)?, found.start)?));
            }
        }
        Ok(Some(pairs))
    }

    /// Names of a function's parameters; `None` when no function of the name is described.
    ///
    /// The last is empty for a function that takes any number. Where several functions share the
    /// name, it is the first: the one the kernel attaches to as well.
    ///
    /// # Errors
    ///
    /// When the BTF of the function contradicts itself.
    pub fn function_parameters(&self, name: &str) -> Result<Option<Vec<&str>>, BtfError> {
        let function = self.named(&[kind::FUNCTION], name).next();
        let Some(function) = function else {
            return Ok(None);
        };
        match self.peel(function.operand, function.start)? {
            Some(prototype) if prototype.kind == kind::PROTOTYPE => (0..prototype.elements)
                .map(|place| self.text(self.parameter(&prototype, place)?.0, prototype.start))
                .collect::<Result<_, _>>()
                .map(Some),
            Some(_) | None => Ok(None),
        }
    }

    /// Types of a raw tracepoint's arguments, spelled without qualifiers (`struct sock *`).
    ///
    /// `None` when the kernel has no such tracepoint. Source: the typedef `btf_trace_NAME` made by
    /// `__DEFINE_TRACE_EVENT` in `include/trace/bpf_probe.h`, a pointer to a function whose first
    /// parameter is the kernel's own `void *__data`, dropped here; the others have no names.
    ///
    /// # Errors
    ///
    /// When the BTF of the tracepoint contradicts itself.
    pub fn raw_tracepoint_parameters(&self, name: &str) -> Result<Option<Vec<String>>, BtfError> {
        let typedef = format!("btf_trace_{name}");
        let found = self.named(&[kind::TYPEDEF], &typedef).next();
        let Some(found) = found else { return Ok(None) };
        let pointer = self.peel(found.operand, found.start)?;
        let Some(pointer) = pointer.filter(|pointer| pointer.kind == kind::POINTER) else {
            return Ok(None);
        };
        match self.peel(pointer.operand, pointer.start)? {
            Some(prototype) if prototype.kind == kind::PROTOTYPE => (1..prototype.elements)
                .map(|place| self.spell(self.parameter(&prototype, place)?.1, prototype.start))
                .collect::<Result<_, _>>()
                .map(Some),
            Some(_) | None => Ok(None),
        }
    }

    /// Name offset and type of a parameter, `struct btf_param`.
    fn parameter(&self, prototype: &Type, place: usize) -> Result<(u32, u32), BtfError> {
        let start = prototype.start + kind::HEAD + place * kind::PARAMETER;
        let word = |offset| bytes::u32_at(&self.buffer, start + offset, "a parameter");
        Ok((word(0)?, word(4)?))
    }

    /// A type as C writes it, less qualifiers; arrays and functions by the word.
    fn spell(&self, id: u32, from: usize) -> Result<String, BtfError> {
        let (mut id, mut from, mut stars) = (id, from, String::new());
        for _ in 0..DEPTH {
            let Some(at) = self.resolve(id, from)? else {
                return Ok(spelled("", "void", &stars));
            };
            let name = self.text(at.name, at.start)?;
            let word = match at.kind {
                kind::POINTER => {
                    stars.push('*');
                    (id, from) = (at.operand, at.start);
                    continue;
                }
                kind::CONST | kind::VOLATILE | kind::RESTRICT | kind::TYPE_TAG => {
                    (id, from) = (at.operand, at.start);
                    continue;
                }
                kind::UNION => "union",
                kind::FORWARD if at.flag => "union",
                kind::STRUCT | kind::FORWARD => "struct",
                kind::ENUM | kind::ENUM64 => "enum",
                kind::ARRAY => "array",
                kind::PROTOTYPE => "function",
                _ => "",
            };
            return Ok(spelled(word, name, &stars));
        }
        Err(BtfError::TooDeep { offset: from })
    }
}

/// The parts that are there, one space between them.
fn spelled(word: &str, name: &str, stars: &str) -> String {
    let parts = [word, name, stars];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(" ")
}
