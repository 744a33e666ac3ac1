#![forbid(unsafe_code)]
//! Decoder and encoder by themselves: no socket, no queue, no message value.
//!
//! `compare codec` runs this a few times and makes a table of what criterion writes.

use core::hint::black_box;
use core::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput};
use midge_benches::codec::{BLOCK_BYTES, Group, LONG, SHORT, SIZES};
use midge_benches::subjects;
use midge_proto::encode::{self, SizeText};
use midge_proto::{DecodeLimits, Decoder, Sid};

/// Measures all of it in about 12 seconds: `compare` takes medians over whole rounds, so a round
/// need not be long.
fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600))
        .sample_size(20)
        .without_plots()
        .configure_from_args();
    whole_frames(&mut criterion, Group::Decode, decode);
    whole_frames(&mut criterion, Group::Encode, encode);
    bytewise(&mut criterion, Group::BytewiseMessage, |length| {
        let mut stream = Vec::new();
        message(&mut stream, length);
        stream
    });
    bytewise(&mut criterion, Group::BytewiseInfo, |length| {
        format!("INFO {{\"server_id\":\"{}\"}}\r\n", "x".repeat(length)).into_bytes()
    });
    criterion.final_summary();
}

/// Measures blocks of frames at each size of payload.
fn whole_frames(
    criterion: &mut Criterion,
    group: Group,
    measure: fn(&mut BenchmarkGroup<'_, WallTime>, usize),
) {
    let mut group = criterion.benchmark_group(group.name());
    for size in SIZES {
        measure(&mut group, size);
    }
    group.finish();
}

/// Finds every frame of a block that is there as a whole.
fn decode(group: &mut BenchmarkGroup<'_, WallTime>, size: usize) {
    let mut block = Vec::new();
    let mut frames = 0;
    while block.len() < BLOCK_BYTES {
        message(&mut block, size);
        frames += 1;
    }
    group.throughput(Throughput::ElementsAndBytes { elements: frames, bytes: block.len() as u64 });
    group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
        bencher.iter(|| assert_eq!(count(black_box(&block)), frames));
    });
}

/// Appends the frames of a block to a buffer that has room for them.
fn encode(group: &mut BenchmarkGroup<'_, WallTime>, size: usize) {
    let payload = vec![b'x'; size];
    let text = SizeText::new(size);
    let subject = subjects::PUBLISH.as_bytes();
    let mut block = Vec::new();
    encode::publish(&mut block, subject, None, None, &text, &payload);
    let frames = BLOCK_BYTES.div_ceil(block.len());
    let bytes = (block.len() * frames) as u64;
    group.throughput(Throughput::ElementsAndBytes { elements: frames as u64, bytes });
    group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
        bencher.iter(|| {
            block.clear();
            for _ in 0..frames {
                let (subject, payload) = (black_box(subject), black_box(&payload));
                encode::publish(&mut block, subject, None, None, &text, payload);
            }
            black_box(&block);
        });
    });
}

/// Gives the decoder one frame, one byte more at each call, at two lengths.
fn bytewise(criterion: &mut Criterion, group: Group, stream: fn(usize) -> Vec<u8>) {
    let mut group = criterion.benchmark_group(group.name());
    for length in [SHORT, LONG] {
        let stream = stream(length);
        let bytes = stream.len() as u64;
        group.throughput(Throughput::ElementsAndBytes { elements: bytes, bytes });
        group.bench_function(BenchmarkId::from_parameter(length), |bencher| {
            bencher.iter(|| {
                let mut decoder = Decoder::new(DecodeLimits::default());
                let stream = black_box(&stream);
                let found = (1..=stream.len())
                    .filter(|end| matches!(decoder.next(&stream[..*end]), Ok(Some(_))));
                assert_eq!(found.count(), 1);
            });
        });
    }
    group.finish();
}

fn message(out: &mut Vec<u8>, size: usize) {
    let payload = vec![b'x'; size];
    encode::message(out, subjects::RECEIVE.as_bytes(), Sid::FIRST, None, None, &payload);
}

fn count(block: &[u8]) -> u64 {
    let mut decoder = Decoder::new(DecodeLimits::default());
    let mut frames = 0;
    while let Ok(Some(frame)) = decoder.next(block) {
        black_box(&frame);
        frames += 1;
    }
    frames
}
