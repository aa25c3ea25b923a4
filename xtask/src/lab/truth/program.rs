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
    /// Those that own it, by the other end, where the server says so.
    pub(super) server_of: HashMap<SocketAddr, HashSet<u32>>,
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
    pub(super) fn owners(&self, local: SocketAddr, remote: SocketAddr) -> &HashSet<u32> {
        if local.port() == self.port {
            self.server_of.get(&remote).unwrap_or(&self.servers)
        } else {
            self.client_of.get(&local.port()).unwrap_or(&self.clients)
        }
    }
}
