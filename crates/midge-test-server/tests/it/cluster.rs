use std::io::{BufRead, BufReader};
use std::net::TcpStream;

use midge_test_server::{Cluster, NatsServer, ServerError};
use serde_json::Value;

fn info(server: &NatsServer) -> Value {
    let mut line = String::new();
    BufReader::new(TcpStream::connect(server.address()).unwrap()).read_line(&mut line).unwrap();
    serde_json::from_str(line.strip_prefix("INFO ").unwrap()).unwrap()
}

#[test]
fn three_nodes_form_a_cluster_and_one_comes_back_on_its_ports() {
    let mut cluster = Cluster::start(3).unwrap();
    let urls = cluster.urls();
    assert_eq!(urls.len(), 3);
    assert_eq!(cluster.url_list(), urls.join(","));
    for node in cluster.nodes() {
        assert_eq!(info(node)["connect_urls"].as_array().unwrap().len(), 3);
    }

    cluster.node(1).kill();
    cluster.wait_until_connected().unwrap();
    cluster
        .node(0)
        .monitor_until("/routez", |routez| {
            let routes = routez["routes"].as_array().unwrap();
            routes.iter().all(|route| route["remote_name"] == "test-cluster-2")
        })
        .unwrap();

    cluster.restart_node(1).unwrap();
    assert_eq!(cluster.urls(), urls);
    assert_eq!(info(&cluster.nodes()[1])["connect_urls"].as_array().unwrap().len(), 3);
}

#[test]
fn cluster_with_jetstream_has_a_leader_and_elects_another() {
    let mut cluster = Cluster::builder(3)
        .name("js")
        .jetstream()
        .configure(|index, server| server.config(format!("max_payload: {}KB", index + 1)))
        .start()
        .unwrap();
    assert_eq!(info(&cluster.nodes()[2])["max_payload"], 3 * 1024);
    assert_eq!(info(&cluster.nodes()[2])["cluster"], "js");
    let leader = cluster.jetstream_leader().unwrap();
    cluster.node(leader).kill();
    cluster.wait_until_connected().unwrap();
    assert_ne!(cluster.jetstream_leader().unwrap(), leader);
    cluster.restart_node(leader).unwrap();
}

#[test]
fn node_with_a_wrong_configuration_fails_the_start() {
    let error = Cluster::builder(2)
        .configure(|index, server| if index == 1 { server.config("port: {") } else { server })
        .start()
        .unwrap_err();
    assert!(matches!(error, ServerError::Exited { .. }), "{error}");
}
