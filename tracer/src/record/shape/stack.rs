//! The stacks behind an act, with the names they had where they were recorded.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{Bytes, Unknown};
use crate::{
    model::{
        foreign::Foreign,
        stack::{Absent, Frame, Side, Stack, StackId},
        time::MonoNs,
    },
    record::Answer,
};

/// The stacks of one act, the kernel's and the program's.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::record) struct Told<'a> {
    at: u64,
    cpu: u16,
    of_seq: u64,
    sides: Option<(SideShape<'a>, SideShape<'a>)>,
}

#[derive(Debug, Serialize, Deserialize)]
struct SideShape<'a> {
    absent: Option<Cow<'a, str>>,
    truncated: bool,
    frames: Vec<Shape<'a>>,
}

/// One call; what is not known is left out.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Shape<'a> {
    address: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    function: Option<Bytes<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_offset: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    module: Option<Bytes<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    elf_address: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    build_id: Option<Bytes<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<Bytes<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    inlined: bool,
}

impl<'a> Told<'a> {
    pub(in crate::record) fn new(id: StackId, stack: Option<&'a Stack>) -> Self {
        Self {
            at: id.at.0,
            cpu: id.cpu,
            of_seq: id.of_seq,
            sides: stack.map(|it| (SideShape::new(&it.kernel), SideShape::new(&it.user))),
        }
    }

    pub(in crate::record) fn answer(&self) -> Result<Answer, Unknown> {
        let id = StackId {
            at: MonoNs(self.at),
            cpu: self.cpu,
            of_seq: self.of_seq,
        };
        let stack = match &self.sides {
            None => None,
            Some((kernel, user)) => Some(Box::new(Stack {
                kernel: kernel.side()?,
                user: user.side()?,
            })),
        };
        Ok(Answer::Stack { id, stack })
    }
}

impl<'a> SideShape<'a> {
    fn new(side: &'a Side) -> Self {
        let (absent, truncated) = match side {
            Side::Frames { truncated, .. } => (None, *truncated),
            Side::Absent(why) => (Some(why.code().into()), false),
        };
        Self {
            absent,
            truncated,
            frames: side.frames().iter().map(Shape::new).collect(),
        }
    }

    fn side(&self) -> Result<Side, Unknown> {
        if let Some(code) = &self.absent {
            let why = Absent::ALL.into_iter().find(|why| why.code() == code);
            return why
                .map(Side::Absent)
                .ok_or_else(|| Unknown::new("reason for no stack", code));
        }
        let frames: Result<_, _> = self.frames.iter().map(Shape::frame).collect();
        Ok(Side::Frames {
            frames: frames?,
            truncated: self.truncated,
        })
    }
}

impl<'a> Shape<'a> {
    fn new(frame: &'a Frame) -> Self {
        let bytes = |name: &'a Option<Foreign>| name.as_ref().map(Bytes::from);
        Self {
            address: frame.address,
            function: bytes(&frame.function),
            function_offset: frame.function_offset,
            module: bytes(&frame.module),
            offset: frame.offset,
            elf_address: frame.elf_address,
            build_id: bytes(&frame.build_id),
            file: bytes(&frame.file),
            line: frame.line,
            inlined: frame.inlined,
        }
    }

    fn frame(&self) -> Result<Frame, Unknown> {
        let foreign = |name: &Option<Bytes<'_>>| name.as_ref().map(Bytes::foreign).transpose();
        Ok(Frame {
            address: self.address,
            function: foreign(&self.function)?,
            function_offset: self.function_offset,
            module: foreign(&self.module)?,
            offset: self.offset,
            elf_address: self.elf_address,
            build_id: foreign(&self.build_id)?,
            file: foreign(&self.file)?,
            line: self.line,
            inlined: self.inlined,
        })
    }
}
