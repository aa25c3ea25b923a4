//! The rows of a page's table, in columns.

use std::{collections::HashMap, fmt::Display};

use serde::Serialize;

use crate::render::{Explained, time::WallClock, words};

/// Some rows of the table. Strings are told by their place among `strings`, of which the first is
/// none at all.
#[derive(Serialize)]
pub(in crate::render) struct Rows {
    /// The first row's time, in microseconds since 1970.
    from_us: i64,
    /// How far each row is from it.
    at_us: Vec<i64>,
    id: Vec<String>,
    pid: Vec<Option<u32>>,
    comm: Vec<usize>,
    exe: Vec<usize>,
    container: Vec<usize>,
    local: Vec<usize>,
    local_port: Vec<u16>,
    remote: Vec<usize>,
    remote_port: Vec<u16>,
    how: Vec<usize>,
    cause: Vec<usize>,
    reason: Vec<usize>,
    code: Vec<usize>,
    /// Nanoseconds from the close to the last thing seen.
    close_ns: Vec<Option<u64>>,
    strings: Vec<String>,
    #[serde(skip)]
    places: HashMap<String, usize>,
}

impl Default for Rows {
    fn default() -> Self {
        Self {
            from_us: 0,
            at_us: Vec::new(),
            id: Vec::new(),
            pid: Vec::new(),
            comm: Vec::new(),
            exe: Vec::new(),
            container: Vec::new(),
            local: Vec::new(),
            local_port: Vec::new(),
            remote: Vec::new(),
            remote_port: Vec::new(),
            how: Vec::new(),
            cause: Vec::new(),
            reason: Vec::new(),
            code: Vec::new(),
            close_ns: Vec::new(),
            strings: vec![String::new()],
            places: HashMap::new(),
        }
    }
}

impl Rows {
    /// How many there are.
    pub(in crate::render) fn count(&self) -> usize {
        self.at_us.len()
    }

    /// Adds an ending, with the place in its program it was called for.
    pub(in crate::render) fn push(
        &mut self,
        explained: &Explained<'_>,
        code: Option<&str>,
        clock: &WallClock,
    ) {
        let ending = explained.ending;
        let at_us = clock.utc(words::dated(ending)).as_microsecond();
        if self.at_us.is_empty() {
            self.from_us = at_us;
        }
        self.at_us.push(at_us.saturating_sub(self.from_us));
        let id = ending.id();
        let id = words::connection_id(id.socket, id.flow, id.first_seen);
        self.id.push(id.to_string());
        let owner = ending.owner.as_ref().map(|owner| &owner.task);
        self.pid.push(owner.map(|task| task.pid));
        let facts = explained.owner;
        let act = ending.decisive();
        let (local, remote) = (ending.flow.local, ending.flow.remote);
        let place = self.place(owner.map(|task| task.process_comm));
        self.comm.push(place);
        let place = self.place(facts.and_then(|it| it.exe.as_ref()));
        self.exe.push(place);
        let place = self.place(facts.and_then(|it| it.container.as_ref()));
        self.container.push(place);
        let place = self.place(Some(local.ip()));
        self.local.push(place);
        self.local_port.push(local.port());
        let place = self.place(Some(remote.ip()));
        self.remote.push(place);
        self.remote_port.push(remote.port());
        let place = self.place(act.map(|act| act.how.code()));
        self.how.push(place);
        let place = self.place(act.map(|act| act.cause.code()));
        self.cause.push(place);
        let reason = act.and_then(|act| act.reason.as_ref());
        let place = self.place(reason.map(words::ReasonWord));
        self.reason.push(place);
        let place = self.place(code);
        self.code.push(place);
        self.close_ns.push(words::since_close(ending));
    }

    fn place(&mut self, text: Option<impl Display>) -> usize {
        let Some(text) = text else { return 0 };
        let next = self.strings.len();
        let text = text.to_string();
        *self.places.entry(text).or_insert_with_key(|text| {
            self.strings.push(text.clone());
            next
        })
    }
}
