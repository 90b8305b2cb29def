"""What may leave for an upper platform: classes of data, the legal basis that covers them, what adds up. No I/O."""
