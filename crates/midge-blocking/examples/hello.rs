//! A handler that answers, and a request, against a real nats-server that the example starts.

use core::error::Error;
use midge_test_server::NatsServer;

fn main() -> Result<(), Box<dyn Error>> {
    let server = NatsServer::start()?;
    let client = midge_blocking::connect(server.url())?;
    let service = client.subscribe_with("greet.*", {
        let client = client.clone();
        move |greeting| {
            if let Err(error) = client.respond(&greeting, "and hello to you".into()) {
                eprintln!("no answer: {error}");
            }
        }
    })?;
    let answer = client.request("greet.joe", "hello".into())?;
    println!("{:?}", answer.payload);
    service.stop();
    client.drain()?;
    Ok(())
}
