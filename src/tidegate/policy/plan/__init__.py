"""The plan of a campaign: how it will go, told before anything is sent. Pure: it is given the state and the time."""

from tidegate.policy.plan.cohort import Beside, Cohort, Sender
from tidegate.policy.plan.course import Course
from tidegate.policy.plan.forecast import Forecast, Hour, LegTimes
from tidegate.policy.plan.itinerary import Itinerary, Leg, Situation

__all__ = ["Beside", "Cohort", "Course", "Forecast", "Hour", "Itinerary", "Leg", "LegTimes", "Sender", "Situation"]
