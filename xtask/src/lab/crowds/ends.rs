//! Which ends of many connections were told of, and whether each was once.

use std::{
    collections::{HashMap, HashSet},
    net::SocketAddr,
};

use super::{Ending, SHOWN, Score, told_ends};

/// Which ends were told of.
#[derive(Debug, Default)]
pub(super) struct Ends {
    /// How many of the server.
    servers: usize,
    /// How many of the client.
    clients: usize,
    /// By the client's end and the server's: ends of the client told of, less those of the server.
    ///
    /// Two connections may have the same ends, one after the other.
    balance: HashMap<(SocketAddr, SocketAddr), i32>,
    /// What they go by.
    ids: HashSet<String>,
    /// Ids that were told before, or not at all.
    nameless: Vec<String>,
}

impl Ends {
    /// Notes that an end was told of.
    pub(super) fn note(&mut self, ending: &Ending, at_server: bool) {
        let (local, remote) = told_ends(ending);
        if at_server {
            self.servers += 1;
            *self.balance.entry((remote, local)).or_default() -= 1;
        } else {
            self.clients += 1;
            *self.balance.entry((local, remote)).or_default() += 1;
        }
        match &ending.connection.id {
            Some(id) if self.ids.insert(id.clone()) => {}
            id => self
                .nameless
                .push(format!("{local} -> {remote} goes by {id:?}")),
        }
    }

    /// What is wrong with how many ends were told of; what was not told counts as unknown.
    pub(super) fn judge(self, each: usize, missed: usize, score: &mut Score) -> Vec<String> {
        let mut wrong = self.nameless;
        for (side, told) in [("server", self.servers), ("client", self.clients)] {
            for _ in told..each {
                score.miss();
            }
            if told > each || told + missed < each {
                wrong.push(format!("{told} ends of the {side} were told of {each}"));
            }
        }
        let uneven = self.balance.iter().filter(|it| *it.1 != 0);
        let uneven: Vec<_> = uneven.map(|((client, _), _)| client.to_string()).collect();
        if uneven.len() > missed {
            let shown: Vec<_> = uneven.iter().take(SHOWN).map(String::as_str).collect();
            wrong.push(format!(
                "one end is told, the other is not, of {} connections: {}",
                uneven.len(),
                shown.join(", ")
            ));
        }
        wrong
    }
}
