//! A walk through the client against a real `nats-server`, which the tour brings up by itself.
//!
//! `cargo tour` runs it. Every step checks what it says; the first one that does not hold ends the
//! tour with an explanation and exit code 1.

use core::fmt;
use core::time::Duration;
use midge_test_server::NatsServer;
use midge_tokio::{Client, ConnectOptions, Event, HeaderMap, RequestErrorKind, State, Subscriber};
use std::process::ExitCode;
use std::time::Instant;
use tokio::task::JoinSet;

type Outcome<T = ()> = Result<T, Box<dyn core::error::Error + Send + Sync>>;

/// How long any single step may take before the tour gives up.
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::main]
async fn main() -> ExitCode {
    match tour().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the tour ended early: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn tour() -> Outcome {
    let started = Instant::now();
    let mut server = NatsServer::start()?;
    let client = connect(&server).await?;
    wildcards(&client).await?;
    throughput(&server, &client).await?;
    queue_groups(&client).await?;
    requests(&client).await?;
    headers(&client).await?;
    no_responders(&client).await?;
    outage(&mut server, &client).await?;
    drain(&server, client).await?;
    println!("\nall of it in {:.1?}", started.elapsed());
    Ok(())
}

async fn connect(server: &NatsServer) -> Outcome<Client> {
    step("connect");
    let at = Instant::now();
    let client = ConnectOptions::new().name("tour").connect(server.url()).await?;
    let took = at.elapsed();
    let info = client.server_info();
    println!("  {} runs nats-server {}; connected in {took:.1?}", server.url(), info.version);
    claim(client.connection_state() == State::Connected, "the state is `connected`")?;
    println!("  a round trip takes {:.1?}", client.rtt().await?);
    Ok(client)
}

async fn wildcards(client: &Client) -> Outcome {
    step("publish and subscribe with wildcards");
    let mut stars = client.subscribe("weather.*.berlin").await?;
    let mut tails = client.subscribe("weather.>").await?;
    for subject in ["weather.rain.berlin", "weather.sun.rome", "weather.snow.berlin"] {
        client.publish(subject, "today".into()).await?;
    }
    client.sync().await?;
    let star = [next(&mut stars).await?.subject, next(&mut stars).await?.subject];
    println!("  weather.*.berlin got {} and {}", star[0], star[1]);
    claim(star[0] == "weather.rain.berlin" && star[1] == "weather.snow.berlin", "* is one token")?;
    claim(stars.try_next()?.is_none(), "weather.*.berlin matches nothing else")?;
    for _ in 0..3 {
        next(&mut tails).await?;
    }
    println!("  weather.> got all 3");
    Ok(())
}

async fn throughput(server: &NatsServer, publisher: &Client) -> Outcome {
    const MESSAGES: u32 = 1_000_000;
    step("a million messages to another client");
    let reader = ConnectOptions::new()
        .subscription_capacity(MESSAGES as usize)
        .subscription_capacity_bytes(usize::MAX)
        .connect(server.url())
        .await?;
    let numbers = reader.subscription("numbers").confirmed().await?;
    let reading = tokio::spawn(in_order(numbers, MESSAGES));
    let at = Instant::now();
    for number in 0..MESSAGES {
        publisher.publish("numbers", numbered(number)).await?;
    }
    publisher.sync().await?;
    let published = at.elapsed();
    within("a million messages", reading).await???;
    println!(
        "  published at {} and received, in order, at {} messages a second",
        rate(MESSAGES, published),
        rate(MESSAGES, at.elapsed())
    );
    reader.close().await?;
    Ok(())
}

async fn queue_groups(client: &Client) -> Outcome {
    const JOBS: usize = 3_000;
    step("a queue group of three");
    let mut members = Vec::new();
    for _ in 0..3 {
        members.push(client.queue_subscribe("jobs", "workers".to_owned()).await?);
    }
    for number in 0..JOBS {
        client.publish("jobs", number.to_string().into()).await?;
    }
    client.sync().await?;
    let mut shares = Vec::new();
    let mut seen = vec![false; JOBS];
    for member in &mut members {
        let mut share = 0;
        while let Some(job) = member.try_next()? {
            let number: usize = core::str::from_utf8(&job.payload)?.parse()?;
            claim(!core::mem::replace(&mut seen[number], true), "no job went to two members")?;
            share += 1;
        }
        shares.push(share);
    }
    println!("  {JOBS} jobs went to the members as {shares:?}");
    claim(seen.iter().all(|&seen| seen), "every job went to one member")?;
    claim(shares.iter().all(|&share| share > 0), "every member got work")
}

async fn requests(client: &Client) -> Outcome {
    const REQUESTS: usize = 2_000;
    const PARALLEL: usize = 100;
    step("request and reply");
    let echo = serve_echo(client).await?;
    let mut times = Vec::with_capacity(REQUESTS);
    for _ in 0..REQUESTS {
        let at = Instant::now();
        let reply = client.request("echo", "ping".into()).await?;
        times.push(at.elapsed());
        claim(reply.payload == "ping", "the reply is the echo")?;
    }
    times.sort_unstable();
    println!(
        "  one after the other: median {:.1?}, 99 of 100 below {:.1?}",
        times[REQUESTS / 2],
        times[REQUESTS * 99 / 100]
    );
    let at = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..PARALLEL {
        let client = client.clone();
        tasks.spawn(async move {
            for number in 0..REQUESTS / 10 {
                let question = number.to_string();
                let reply = client.request("echo", question.clone().into()).await?;
                claim(reply.payload == question, "each request gets its own reply")?;
            }
            Outcome::Ok(())
        });
    }
    while let Some(result) = within("requests", tasks.join_next()).await? {
        result??;
    }
    let count = u32::try_from(PARALLEL * REQUESTS / 10)?;
    println!("  {PARALLEL} at a time: {} requests a second", rate(count, at.elapsed()));
    claim(client.requests_in_flight() == 0, "no request is left behind")?;
    echo.abort();
    Ok(())
}

async fn headers(client: &Client) -> Outcome {
    step("headers");
    let mut letters = client.subscribe("letters").await?;
    let mut headers = HeaderMap::new();
    headers.insert("Language", "eo");
    headers.append("Stamp", "blue");
    headers.append("Stamp", "red");
    client.publish_with_headers("letters", headers.clone(), "saluton".into()).await?;
    let letter = next(&mut letters).await?;
    let stamps: Vec<_> = letter
        .headers
        .iter()
        .flat_map(|headers| headers.get_all("Stamp"))
        .map(ToString::to_string)
        .collect();
    println!("  received the stamps {stamps:?}");
    claim(letter.headers == Some(headers), "the headers arrive as they were sent")
}

async fn no_responders(client: &Client) -> Outcome {
    step("nobody listens");
    let at = Instant::now();
    let Err(error) = client.request("nobody", "hello?".into()).await else {
        return Err("a request to nobody was answered".into());
    };
    println!("  `{error}` after {:.1?}, not after the timeout of 10 s", at.elapsed());
    claim(error.kind() == RequestErrorKind::NoResponders, "the server says that nobody listens")
}

async fn outage(server: &mut NatsServer, client: &Client) -> Outcome {
    const BEFORE: u32 = 10_000;
    const DURING: u32 = 20_000;
    const AFTER: u32 = 10_000;
    step("the server is killed and comes back");
    let mut events = client.events();
    let numbers = client.subscribe("outage").await?;
    let reading = tokio::spawn(in_order(numbers, BEFORE + DURING + AFTER));
    for number in 0..BEFORE {
        client.publish("outage", numbered(number)).await?;
    }
    // The round trip proves that the server has them; a crash could lose them otherwise.
    client.sync().await?;

    server.kill();
    until(&mut events, |event| *event == Event::Disconnected).await?;
    println!("  {BEFORE} messages sent, then the server was killed");
    for number in BEFORE..BEFORE + DURING {
        client.publish("outage", numbered(number)).await?;
    }
    println!("  {DURING} more published while it was down: {} bytes wait", client.buffered_bytes());

    server.restart()?;
    let at = Instant::now();
    until(&mut events, |event| *event == Event::Connected).await?;
    println!("  reconnected {:.1?} after it was back", at.elapsed());
    for number in BEFORE + DURING..BEFORE + DURING + AFTER {
        client.publish("outage", numbered(number)).await?;
    }
    let received = within("all numbers", reading).await???;
    println!("  {AFTER} more; received {received} of {}, in order", BEFORE + DURING + AFTER);
    claim(received == BEFORE + DURING + AFTER, "nothing is lost and nothing comes twice")
}

async fn drain(server: &NatsServer, client: Client) -> Outcome {
    const QUESTIONS: u32 = 1_000;
    step("drain");
    let service = midge_tokio::connect(server.url()).await?;
    let echo = serve_echo(&service).await?;
    let mut replies = client.subscribe("replies").await?;
    for number in 0..QUESTIONS {
        client.publish_with_reply("echo", "replies", numbered(number)).await?;
    }
    client.sync().await?;
    let report = service.drain_within(PATIENCE).await?;
    claim(report.is_complete(), "the service's drain gave nothing up")?;
    within("the service", echo).await???;
    client.sync().await?;
    let mut answers = 0;
    while replies.try_next()?.is_some() {
        answers += 1;
    }
    println!("  a service was drained with {QUESTIONS} requests on their way: {answers} replies");
    claim(answers == QUESTIONS, "all that was on its way is answered")?;

    let at = Instant::now();
    client.drain().await?;
    claim(client.connection_state() == State::Closed, "after a drain the client is closed")?;
    claim(client.publish("late", "x".into()).await.is_err(), "a closed client takes no message")?;
    println!("  the client itself drained and closed in {:.1?}", at.elapsed());
    Ok(())
}

/// Answers every request on `echo` with its own payload, until the subscription ends.
async fn serve_echo(client: &Client) -> Outcome<tokio::task::JoinHandle<Outcome>> {
    let mut requests = client.subscription("echo").confirmed().await?;
    let client = client.clone();
    Ok(tokio::spawn(async move {
        while let Some(request) = requests.next().await {
            if let Some(reply) = request.reply {
                client.publish(reply, request.payload).await?;
            }
        }
        Ok(())
    }))
}

/// Reads messages that must be numbered from 0 without a gap, and returns how many there were.
async fn in_order(mut numbers: Subscriber, count: u32) -> Outcome<u32> {
    for expected in 0..count {
        let message = numbers.next().await.ok_or("the subscription ended")?;
        let number = u32::from_be_bytes(message.payload[..].try_into()?);
        if number != expected {
            return Err(format!("message {number} came where {expected} was due").into());
        }
    }
    Ok(count)
}

fn numbered(number: u32) -> midge_tokio::bytes::Bytes {
    midge_tokio::bytes::Bytes::copy_from_slice(&number.to_be_bytes())
}

async fn next(subscriber: &mut Subscriber) -> Outcome<midge_tokio::Message> {
    Ok(subscriber.next_timeout(PATIENCE).await?)
}

async fn until(
    events: &mut midge_tokio::Events,
    wanted: impl Fn(&Event) -> bool,
) -> Outcome<Event> {
    let search = async {
        while let Some(event) = events.next().await {
            if wanted(&event) {
                return Ok(event);
            }
        }
        Err("the events ended".into())
    };
    within("an event", search).await?
}

async fn within<T>(what: &str, future: impl Future<Output = T>) -> Outcome<T> {
    let late = |_| format!("waited more than {PATIENCE:?} for {what}");
    Ok(tokio::time::timeout(PATIENCE, future).await.map_err(late)?)
}

fn claim(holds: bool, what: &str) -> Outcome {
    if holds { Ok(()) } else { Err(format!("this does not hold: {what}").into()) }
}

fn step(title: &str) {
    println!("\n{title}");
}

fn rate(count: u32, time: Duration) -> impl fmt::Display {
    let per_second = f64::from(count) / time.as_secs_f64();
    format!("{:.0} thousand", per_second / 1_000.0)
}
