//! Who holds a socket.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{Bytes, Unknown};
use crate::{
    model::{
        holder::{Holder, Provenance},
        process::Comm,
    },
    record::Answer,
};

/// A look at who holds a socket.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::record) struct Look {
    inode: u32,
    holders: Option<Vec<Shape>>,
}

/// One descriptor.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Shape {
    pid: u32,
    fd: Option<u32>,
    /// Up to the zeros it ends with.
    comm: Bytes<'static>,
    uid: u32,
    start_ns: Option<u64>,
    from: Cow<'static, str>,
}

/// How a holder can be known, every way.
const PROVENANCES: [Provenance; 7] = [
    Provenance::Acted,
    Provenance::Connected,
    Provenance::Accepted,
    Provenance::Listener,
    Provenance::Before,
    Provenance::SockDiag,
    Provenance::Procfs,
];

impl Look {
    pub(in crate::record) fn new(inode: u32, holders: Option<&[Holder]>) -> Self {
        Self {
            inode,
            holders: holders.map(|it| it.iter().map(Shape::new).collect()),
        }
    }

    pub(in crate::record) fn answer(&self) -> Result<Answer, Unknown> {
        let holders = |it: &Vec<Shape>| it.iter().map(Shape::holder).collect();
        Ok(Answer::Look {
            inode: self.inode,
            holders: self.holders.as_ref().map(holders).transpose()?,
        })
    }
}

impl Shape {
    pub(super) fn new(holder: &Holder) -> Self {
        let Holder {
            pid,
            fd,
            comm: Comm(comm),
            uid,
            start_ns,
            from,
        } = *holder;
        let end = comm.iter().rposition(|&byte| byte != 0);
        let comm = comm.get(..end.map_or(0, |end| end + 1)).unwrap_or_default();
        let comm = match Bytes::new(comm) {
            Bytes::Text(text) => Bytes::Text(text.into_owned().into()),
            Bytes::Hex { hex } => Bytes::Hex { hex },
        };
        Self {
            pid,
            fd,
            comm,
            uid,
            start_ns,
            from: from.code().into(),
        }
    }

    pub(super) fn holder(&self) -> Result<Holder, Unknown> {
        let bytes = self.comm.bytes()?;
        let mut comm = Comm::default();
        let place = comm.0.get_mut(..bytes.len());
        let place = place.ok_or_else(|| Unknown::new("name of a process", &bytes.len()))?;
        place.copy_from_slice(&bytes);
        let mut provenances = PROVENANCES.into_iter();
        let from = provenances
            .find(|from| from.code() == self.from)
            .ok_or_else(|| Unknown::new("provenance", &self.from))?;
        Ok(Holder {
            pid: self.pid,
            fd: self.fd,
            comm,
            uid: self.uid,
            start_ns: self.start_ns,
            from,
        })
    }
}
