//! The filters every verb has: by addresses, ports, namespace, user and family of a socket.

use clap::Args;
use ipnet::IpNet;

use super::values;

/// Which sockets, by what they are themselves.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Filters")]
pub struct Ends {
    /// Only these local ports; repeat or separate by commas
    #[arg(long = "local-port", value_name = "PORT", value_delimiter = ',', value_parser = clap::value_parser!(u16).range(1..))]
    pub local_ports: Vec<u16>,
    /// Only these remote ports; repeat or separate by commas
    #[arg(long = "remote-port", value_name = "PORT", value_delimiter = ',', value_parser = clap::value_parser!(u16).range(1..))]
    pub remote_ports: Vec<u16>,
    /// Only connections with an address in this network, such as 10.0.0.0/8; repeatable
    #[arg(long = "net", value_name = "CIDR", value_parser = values::net)]
    pub nets: Vec<IpNet>,
    /// Only this network namespace: its inode number, a name of `ip netns`, or a path; repeatable
    #[arg(long, value_name = "NETNS")]
    pub netns: Vec<String>,
    /// Only sockets of this user, a number or a name; repeatable
    #[arg(short, long = "uid", value_name = "USER")]
    pub users: Vec<String>,
    /// Only IPv4
    #[arg(short = '4', long, conflicts_with = "ipv6")]
    pub ipv4: bool,
    /// Only IPv6
    #[arg(short = '6', long)]
    pub ipv6: bool,
}

impl Ends {
    /// Whether no filter is set.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.is_all_of_namespaces() && self.netns.is_empty()
    }

    /// Whether no filter is set but for network namespaces.
    #[must_use]
    pub fn is_all_of_namespaces(&self) -> bool {
        let Self {
            local_ports,
            remote_ports,
            nets,
            netns: _,
            users,
            ipv4,
            ipv6,
        } = self;
        local_ports.is_empty()
            && remote_ports.is_empty()
            && nets.is_empty()
            && users.is_empty()
            && !ipv4
            && !ipv6
    }
}
