"""What ends the story: something did not go as it should, said in one sentence."""


class StoryFailed(Exception):
    pass
