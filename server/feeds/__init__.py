"""What the centre owes outside parties: readers that act on others, never rewound by themselves."""
