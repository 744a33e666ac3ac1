//! The other programs of the package, and how to run them.

use std::path::{Path, PathBuf};
use std::process::Command;

use midge_benches::Result;
use midge_benches::process::{Helper, output};
use midge_benches::report::Report;
use midge_test_server::NatsServer;

/// Where the sibling binaries and the workspace are.
pub(crate) struct Tools {
    binaries: PathBuf,
    workspace: PathBuf,
}

/// What is at the other end of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// The sink.
    Sink,
    /// The replayer as a server.
    Replayer,
    /// A real server by itself.
    Server,
    /// A real server with JetStream by itself.
    JetStream,
    /// A real server with a raw publisher behind it.
    ServerAndPublisher,
    /// A real server with a raw responder behind it.
    ServerAndResponder,
}

/// A running peer; its processes end with it.
pub(crate) struct Running {
    url: String,
    _helper: Option<Helper>,
    _server: Option<NatsServer>,
}

/// A client that falls behind for a moment is not what is measured: the server holds more for it
/// than any run sends, and waits longer than any run takes.
const CONFIG: &str = "max_pending: 2GB\nwrite_deadline: \"120s\"\n";

impl Tools {
    /// Builds the sibling binaries beside this one: `cargo run` builds only what it runs.
    pub(crate) fn build() -> Result<Self> {
        let exe = std::env::current_exe()?;
        let binaries = exe.parent().ok_or("a program outside of any folder")?;
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
        let workspace = manifest.parent().ok_or("a package outside of a workspace")?;
        let tools = Self { binaries: binaries.into(), workspace: workspace.into() };
        let mut build = tools.package_cargo("build")?;
        build.args(["--release", "--bins", "--no-default-features"]);
        if cfg!(feature = "midge") {
            build.args(["--features", "midge"]);
        }
        output(&mut build)?;
        Ok(tools)
    }

    /// The cargo that started us, else the one on the path.
    pub(crate) fn cargo() -> Command {
        Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
    }

    /// The root of the workspace.
    pub(crate) fn workspace(&self) -> &Path {
        &self.workspace
    }

    /// The path of a sibling binary.
    pub(crate) fn binary(&self, name: &str) -> PathBuf {
        self.binaries.join(name)
    }

    /// Starts a fresh peer.
    pub(crate) fn start(&self, peer: Peer) -> Result<Running> {
        let raw = match peer {
            Peer::Sink => Some(Helper::start(&mut Command::new(self.binary("sink")))?),
            Peer::Replayer => {
                Some(Helper::start(Command::new(self.binary("replayer")).arg("serve"))?)
            }
            Peer::Server
            | Peer::JetStream
            | Peer::ServerAndPublisher
            | Peer::ServerAndResponder => None,
        };
        if let Some(helper) = raw {
            let url = format!("nats://{}", helper.address()?);
            return Ok(Running { url, _helper: Some(helper), _server: None });
        }
        let server = NatsServer::builder().config(CONFIG);
        let server = if peer == Peer::JetStream { server.jetstream() } else { server };
        let server = server.start()?;
        let address = server.address().to_string();
        let behind = |role: &str| {
            let mut command = Command::new(self.binary("replayer"));
            Helper::start(command.args([role, address.as_str()])).map(Some)
        };
        let helper = match peer {
            Peer::ServerAndPublisher => behind("publish")?,
            Peer::ServerAndResponder => behind("respond")?,
            Peer::Server | Peer::JetStream | Peer::Sink | Peer::Replayer => None,
        };
        let url = format!("nats://{address}");
        Ok(Running { url, _helper: helper, _server: Some(server) })
    }

    /// Runs `client` or `alloc` once, with a fresh peer.
    pub(crate) fn run(&self, binary: &str, peer: Peer, arguments: &[String]) -> Result<Report> {
        let mut command = Command::new(self.binary(binary));
        self.report(command.args(arguments), peer)
    }

    /// Runs the client process `command` once, with a fresh peer.
    pub(crate) fn report(&self, command: &mut Command, peer: Peer) -> Result<Report> {
        let running = self.start(peer)?;
        let line = output(command.args(["--url", running.url()]))?;
        Ok(serde_json::from_str(&line)?)
    }

    /// A cargo that works on this package, with the target folder that this program is in.
    fn package_cargo(&self, subcommand: &str) -> Result<Command> {
        let target = self.binaries.parent().ok_or("a program outside of a target folder")?;
        let mut cargo = Self::cargo();
        cargo.arg(subcommand).arg("--manifest-path");
        cargo.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"));
        cargo.arg("--target-dir").arg(target);
        Ok(cargo)
    }

    /// A cargo that runs the bench target called `name`.
    pub(crate) fn bench(&self, name: &str) -> Result<Command> {
        let mut bench = self.package_cargo("bench")?;
        bench.args(["--bench", name]);
        Ok(bench)
    }
}

impl Running {
    /// Where a client connects to.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}
