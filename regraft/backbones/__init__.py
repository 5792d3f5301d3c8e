"""From pictures to features, by frozen, pretrained networks: one file for each kind, and `loading` to choose one."""
