//! A subscription that answers, and a request, against a real nats-server that the example starts.

use core::error::Error;
use midge_test_server::NatsServer;

fn main() -> Result<(), Box<dyn Error>> {
    let server = NatsServer::start()?;
    smol::block_on(async {
        let client = midge_smol::connect(server.url()).await?;
        let mut greetings = client.subscribe("greet.*").await?;
        let service = smol::spawn({
            let client = client.clone();
            async move {
                while let Some(greeting) = greetings.next().await {
                    client.respond(&greeting, "and hello to you".into()).await?;
                }
                Ok::<_, midge_smol::PublishError>(())
            }
        });
        let answer = client.request("greet.joe", "hello".into()).await?;
        println!("{:?}", answer.payload);
        client.drain().await?;
        service.await?;
        Ok(())
    })
}
