"""The constant frame rate of a video's renditions, whatever the original's rate."""

from fractions import Fraction

from app.media.video.recipe import MAX_FRAMES_PER_SECOND

# Rates that screens and editors support; a video without a steady rate gets the lowest that drops no frame.
STANDARD_RATES = tuple(Fraction(rate) for rate in (5, 10, 15, 24, 25, 30, 50, MAX_FRAMES_PER_SECOND))
MIN_STEADY_RATE = Fraction(5)
# A phone's 30 frames a second average 29.8; a rate further off than this is not steady.
STEADY = Fraction(19, 20)


def output_rate(average: Fraction | None, steps: Fraction | None) -> Fraction:
    """Return the rate. `average` is frames over time; `steps` is the coarsest grid that contains all frame times.

    Above 60 only every second, third … frame remains, so that motion stays even.
    """
    if not average or average <= 0:
        return Fraction(30)
    if steps and steps > 0 and average >= steps * STEADY and steps >= MIN_STEADY_RATE:
        steady = steps.limit_denominator(1001)
        divisor = -(-steady // MAX_FRAMES_PER_SECOND)
        return steady / divisor
    return next((rate for rate in STANDARD_RATES if rate >= average * STEADY), STANDARD_RATES[-1])
