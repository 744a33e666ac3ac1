use core::time::Duration;
use std::collections::BTreeMap;
use std::thread;
use std::time::Instant;

use crate::config::{ClusterOptions, ServerBuilder};
use crate::error::ServerError;
use crate::ports::free_port;
use crate::server::NatsServer;

/// Several servers with routes between each other.
///
/// A node that is killed and restarted keeps its ports and its store.
///
/// # Examples
///
/// ```
/// use midge_test_server::Cluster;
///
/// let mut cluster = Cluster::start(3)?;
/// let urls = cluster.urls(); // give them to the client under test
/// assert_eq!(urls.len(), 3);
/// cluster.node(1).kill();
/// cluster.restart_node(1)?;
/// # Ok::<(), midge_test_server::ServerError>(())
/// ```
#[derive(Debug)]
pub struct Cluster {
    nodes: Vec<NatsServer>,
    jetstream: bool,
}

impl Cluster {
    /// Starts a cluster of so many servers without JetStream, and waits until all are connected.
    ///
    /// # Errors
    ///
    /// As [`ClusterBuilder::start`].
    pub fn start(size: usize) -> Result<Self, ServerError> {
        Self::builder(size).start()
    }

    /// Describes a cluster of so many servers.
    pub fn builder(size: usize) -> ClusterBuilder {
        ClusterBuilder {
            size,
            name: String::from("test-cluster"),
            jetstream: false,
            configure: Box::new(|_, server| server),
        }
    }

    /// One of the servers, to kill, pause or ask it. The first has index 0.
    ///
    /// # Panics
    ///
    /// If there is no such node.
    pub fn node(&mut self, index: usize) -> &mut NatsServer {
        &mut self.nodes[index]
    }

    /// Restarts a node on the same ports, and waits until all running nodes are connected.
    ///
    /// # Errors
    ///
    /// As [`NatsServer::restart`] and [`wait_until_connected`](Self::wait_until_connected).
    ///
    /// # Panics
    ///
    /// If there is no such node.
    pub fn restart_node(&mut self, index: usize) -> Result<(), ServerError> {
        self.nodes[index].restart()?;
        self.wait_until_connected()
    }

    /// Waits until every running node has routes to all other running nodes, and, in a cluster
    /// with JetStream, until the nodes agree on a leader and have caught up with it.
    ///
    /// # Errors
    ///
    /// [`ServerError::TimedOut`] after a minute, for example if there are too few nodes to elect a
    /// leader.
    pub fn wait_until_connected(&self) -> Result<(), ServerError> {
        let deadline = Instant::now() + FORM_TIMEOUT;
        let running: Vec<&NatsServer> =
            self.nodes.iter().filter(|node| node.pid().is_some()).collect();
        loop {
            let missing = missing_routes(&running)
                .or_else(|| self.jetstream.then(|| missing_jetstream(&running)).flatten());
            let Some(missing) = missing else {
                return Ok(());
            };
            if Instant::now() >= deadline {
                let logs: Vec<String> = running.iter().map(|node| node.log_tail()).collect();
                return Err(ServerError::TimedOut {
                    what: format!("formed cluster ({missing})"),
                    after: FORM_TIMEOUT,
                    log: logs.join("\n"),
                });
            }
            thread::sleep(POLL);
        }
    }

    /// The index of the node that leads JetStream, if the running nodes know one.
    ///
    /// For a while after its end, that can be a node that does not run;
    /// [`wait_until_connected`](Self::wait_until_connected) waits for the next.
    #[must_use]
    pub fn jetstream_leader(&self) -> Option<usize> {
        let leader = self.nodes.iter().filter(|node| node.pid().is_some()).find_map(|node| {
            let jsz = node.monitor("/jsz").ok()?;
            jsz["meta_cluster"]["leader"].as_str().map(str::to_owned)
        })?;
        self.nodes.iter().position(|node| node.name() == leader)
    }

    /// All nodes, also those that do not run.
    #[must_use]
    pub fn nodes(&self) -> &[NatsServer] {
        &self.nodes
    }

    /// The client URLs of all nodes.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(NatsServer::url).collect()
    }

    /// The client URLs of all nodes, separated by commas.
    #[must_use]
    pub fn url_list(&self) -> String {
        self.urls().join(",")
    }
}

/// What a cluster shall be; made by [`Cluster::builder`].
#[must_use]
pub struct ClusterBuilder {
    size: usize,
    name: String,
    jetstream: bool,
    configure: Box<Configure>,
}

type Configure = dyn Fn(usize, ServerBuilder) -> ServerBuilder + Send + Sync;

impl ClusterBuilder {
    /// Sets the cluster's name. Its nodes are called by it, a dash, and their index.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Turns JetStream on in every node. Streams survive the loss of a node from three nodes on.
    pub fn jetstream(mut self) -> Self {
        self.jetstream = true;
        self
    }

    /// Sets a function that may change each node, given its index, before it is started.
    ///
    /// Names, ports and routes are set after it.
    pub fn configure(
        mut self,
        configure: impl Fn(usize, ServerBuilder) -> ServerBuilder + Send + Sync + 'static,
    ) -> Self {
        self.configure = Box::new(configure);
        self
    }

    /// Starts the servers and waits until they are connected.
    ///
    /// # Errors
    ///
    /// As [`ServerBuilder::start`] and [`Cluster::wait_until_connected`].
    pub fn start(self) -> Result<Cluster, ServerError> {
        let mut attempt = 1;
        loop {
            match self.try_start() {
                // The ports are in the configuration of all nodes, so all have to start afresh.
                Err(ServerError::AddressInUse { .. }) if attempt < START_ATTEMPTS => attempt += 1,
                result => return result,
            }
        }
    }

    fn try_start(&self) -> Result<Cluster, ServerError> {
        let pick_ports = || {
            (0..self.size)
                .map(|_| free_port())
                .collect::<Result<Vec<u16>, _>>()
                .map_err(ServerError::io("find a free port"))
        };
        let client_ports = pick_ports()?;
        let route_ports = pick_ports()?;
        let mut nodes = Vec::with_capacity(self.size);
        for index in 0..self.size {
            let mut options = ClusterOptions::new(&self.name).port(route_ports[index]);
            for (other, port) in route_ports.iter().enumerate() {
                if other != index {
                    options = options.route(format!("nats://127.0.0.1:{port}"));
                }
            }
            let mut server = NatsServer::builder();
            if self.jetstream {
                server = server.jetstream();
            }
            let server = (self.configure)(index, server)
                .name(format!("{}-{index}", self.name))
                .port(client_ports[index])
                .cluster(options);
            nodes.push(server.start()?);
        }
        let jetstream = self.jetstream && self.size > 1;
        let cluster = Cluster { nodes, jetstream };
        cluster.wait_until_connected()?;
        Ok(cluster)
    }
}

/// Says which node lacks routes, if one does.
fn missing_routes(running: &[&NatsServer]) -> Option<String> {
    running.iter().find_map(|node| {
        let routes = match node.monitor("/routez") {
            Ok(routes) => routes,
            Err(error) => return Some(error.to_string()),
        };
        let mut peers: BTreeMap<&str, usize> = BTreeMap::new();
        for route in routes["routes"].as_array().into_iter().flatten() {
            *peers.entry(route["remote_name"].as_str().unwrap_or_default()).or_default() += 1;
        }
        running
            .iter()
            .filter(|peer| peer.name() != node.name())
            .find(|peer| peers.get(peer.name()).is_none_or(|count| *count < ROUTES_PER_PEER))
            .map(|peer| format!("{} has no full routes to {}", node.name(), peer.name()))
    })
}

/// Says what JetStream lacks, if anything.
fn missing_jetstream(running: &[&NatsServer]) -> Option<String> {
    let mut leaders = Vec::new();
    for node in running {
        let meta = match node.monitor("/jsz") {
            Ok(mut jsz) => jsz["meta_cluster"].take(),
            Err(error) => return Some(error.to_string()),
        };
        let leader = meta["leader"].as_str().unwrap_or_default().to_owned();
        // Until an election, a leader that was killed is still named.
        if running.iter().all(|peer| peer.name() != leader) {
            return Some(format!("{} follows no running JetStream leader", node.name()));
        }
        // Only the leader knows how far the others are.
        if leader == node.name() {
            let current: Vec<&str> = meta["replicas"]
                .as_array()
                .into_iter()
                .flatten()
                .filter(|replica| replica["current"] == true && replica["offline"] != true)
                .filter_map(|replica| replica["name"].as_str())
                .collect();
            let behind = running
                .iter()
                .find(|peer| peer.name() != leader && !current.contains(&peer.name()));
            if let Some(peer) = behind {
                return Some(format!("{} is not current in JetStream", peer.name()));
            }
        }
        leaders.push(leader);
    }
    leaders.dedup();
    (leaders.len() > 1).then(|| String::from("nodes follow different JetStream leaders"))
}

/// Connections between two nodes: the server's default pool of three shared routes, and one for
/// the system account. Until all are up, messages of some accounts do not pass.
const ROUTES_PER_PEER: usize = 4;

/// How often a cluster is started on new ports before giving up.
const START_ATTEMPTS: u32 = 5;

/// How long forming a cluster may take. An election takes up to ten seconds by itself.
const FORM_TIMEOUT: Duration = Duration::from_secs(60);

const POLL: Duration = Duration::from_millis(20);
