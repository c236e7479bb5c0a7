"""Runs programs for the benchmarks: measured, or to show what they print."""
import os
import resource
import subprocess
import sys
import time


def run_measured(words, cwd):
    """(seconds, peak memory in bytes) of a command, itself and what it starts."""
    reader, writer = os.pipe()
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        os.close(reader)
        done = subprocess.run(words, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
        os.write(writer, f"{done.returncode} {peak}".encode())
        os._exit(0)
    os.close(writer)
    answer = os.read(reader, 100).decode().split()
    os.close(reader)
    os.waitpid(child, 0)
    seconds = time.monotonic() - started
    if answer[0] != "0":
        sys.exit(f"failed: {' '.join(map(str, words))}")
    return seconds, int(answer[1])


def show(title, words):
    """Runs another benchmark and shows what it prints."""
    print(f"\n### {title}\n```", flush=True)
    subprocess.run(list(map(str, words)), check=True, stderr=subprocess.DEVNULL)
    print("```", flush=True)
