//! One program of the ground truth, and whose each end of its connections is.

use std::{
    collections::{HashMap, HashSet},
    net::SocketAddr,
};

/// A server and what it is asked by, known by the server's port.
#[derive(Debug, Default)]
pub(super) struct Program {
    /// Its name in the table.
    pub(super) name: &'static str,
    /// The port of its server.
    pub(super) port: u16,
    /// Processes that may own the server's ends.
    pub(super) servers: HashSet<u32>,
    /// Those that own it, by the other end, where the server says so: once for each connection that
    /// asked for something.
    pub(super) server_of: HashMap<SocketAddr, Vec<u32>>,
    /// Processes that may own the client's ends.
    pub(super) clients: HashSet<u32>,
    /// Those that own it, by the client's port, where the client says so.
    pub(super) client_of: HashMap<u16, HashSet<u32>>,
}

impl Program {
    /// A program of which nobody is known yet.
    pub(super) fn new(name: &'static str, port: u16) -> Self {
        Self {
            name,
            port,
            ..Self::default()
        }
    }

    /// Who may own an end; empty when nobody does.
    ///
    /// One that asked for nothing is not in the server's log; of an end that sent more `segments` than
    /// it has lines there, any of its processes may be the owner.
    pub(super) fn owners(
        &self,
        local: SocketAddr,
        remote: SocketAddr,
        segments: usize,
    ) -> HashSet<u32> {
        if local.port() == self.port {
            let logged = self.server_of.get(&remote);
            let logged = logged.filter(|it| it.len() >= segments);
            logged.map_or_else(|| self.servers.clone(), |it| it.iter().copied().collect())
        } else {
            let of_port = self.client_of.get(&local.port());
            of_port.unwrap_or(&self.clients).clone()
        }
    }
}
